package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/asterfed/asterfed/test/lab"
)

// What a DUNDi node is told: every node has a stanza for every other, which is
// asked for extensions of the context "dundi-local" there.
const (
	dundiGeneral = "[general]\nbindaddr = 0.0.0.0\nentityid = %s\nautokill = yes\n[mappings]\nfed => dundi-local,0,PJSIP,fed/${NUMBER},nopartial\n"
	dundiPeer    = "[%s]\nmodel = symmetric\nhost = %s\ninkey = fed\noutkey = fed\ninclude = fed\npermit = fed\nqualify = yes\norder = primary\n"
	dundiUser    = "\n[dundi-local]\nexten => %s,1,NoOp()\n"
)

const (
	dundiAgain = 20 // lookups of each kind
	// dundiLimit is how long lookups may take after a node has died, or slow
	// lookups may go on.
	dundiLimit = 90 * time.Second
	// atEase is what a lookup takes at most that waits for nobody.
	atEase = 500 * time.Millisecond
)

// dundi compares Asterisk's own DUNDi with asterfed on the same three nodes, of
// Asterisk 16, 22 and 22: a user of B looked up at A, before and after C's host is cut off,
// and after the user has gone.
func (b *bench) dundi() (string, error) {
	if _, err := os.Stat("examples/three-nodes"); err != nil {
		return "", fmt.Errorf("run this at the root of the repository: %w", err)
	}
	if _, err := os.Stat(".cache/asterisk-16/usr/sbin/asterisk"); err != nil {
		b.progress("DUNDi is left out: make install brings the Asterisks")
		return "", nil
	}
	l, err := lab.New(".")
	if err != nil {
		return "", err
	}
	defer l.Close()
	var nodes []*lab.Node
	for i, version := range []string{"16", "22", "22"} {
		name := "pbx-" + string(rune('a'+i))
		n, err := l.AddNode(name, fmt.Sprintf("10.88.0.%d", i+1), version, filepath.Join("examples/three-nodes", name))
		if err != nil {
			return "", err
		}
		nodes = append(nodes, n)
	}
	for i, n := range nodes {
		if err := dundiStart(n, i, nodes); err != nil {
			return "", err
		}
	}
	at, home, third := nodes[0], nodes[1], nodes[2]
	const user = "1001"
	if err := l.Register(user, home, "sip:"+user+"@"+lab.PhoneAddress+":5999", 3600); err != nil {
		return "", err
	}
	ours := pair{name: "asterfed (ENUM over UDP)", ask: func() (time.Duration, bool, error) { return ask(at, user, home) }}
	theirs := pair{name: "DUNDi", ask: func() (time.Duration, bool, error) { return lookup(at, "2002", "bypass") }}
	both := []*pair{&ours, &theirs}
	for _, p := range both {
		if !lab.Poll(30*time.Second, func() bool { _, ok, _ := p.ask(); return ok }) {
			return "", fmt.Errorf("%s does not find the user of %s", p.name, home.Name)
		}
	}
	for range dundiAgain {
		for _, p := range both {
			took, ok, err := p.ask()
			if err != nil || !ok {
				return "", fmt.Errorf("%s: found %v, %v", p.name, ok, err)
			}
			p.calm = append(p.calm, took)
		}
	}
	b.progress("the host of %s is cut off", third.Name)
	if err := third.Unplug(); err != nil {
		return "", err
	}
	if err := askOn(both); err != nil {
		return "", err
	}
	if err := b.gone(l, at, home, user, both); err != nil {
		return "", err
	}
	var out strings.Builder
	out.WriteString("| a user of B looked up at A, nothing cached | median, ms | slowest after C was cut off | slow (over 0.5 s) for | still named after the user has gone from B |\n|---|---|---|---|---|\n")
	for _, p := range both {
		fmt.Fprintf(&out, "| %s | %s | %.2f s | %.0f s | %s |\n", p.name, millis(p.calm, 0.5), p.slowest.Seconds(), p.slow.Seconds(), p.stale)
	}
	return out.String(), nil
}

// pair is one of the two, and what it took.
type pair struct {
	name    string
	ask     func() (took time.Duration, found bool, err error)
	calm    []time.Duration
	slowest time.Duration
	slow    time.Duration // since the death until the last slow lookup ended
	stale   string
}

// askOn asks on after a death, until both have been at ease for a while.
func askOn(both []*pair) error {
	began := time.Now()
	for quiet := time.Now(); time.Since(quiet) < 15*time.Second; time.Sleep(200 * time.Millisecond) {
		if time.Since(began) > dundiLimit {
			return fmt.Errorf("lookups are slow after %v", dundiLimit)
		}
		for _, p := range both {
			took, _, err := p.ask()
			if err != nil {
				return err
			}
			p.slowest = max(p.slowest, took)
			if took > atEase {
				quiet, p.slow = time.Now(), time.Since(began)
			}
		}
	}
	return nil
}

// gone looks a user up, so that DUNDi's answer is cached, lets him leave B, and
// tells for how long he is named there.
func (b *bench) gone(l *lab.Lab, at, home *lab.Node, user string, both []*pair) error {
	out, err := at.CLI("dundi lookup 2002@fed")
	if err != nil {
		return err
	}
	expires := regexp.MustCompile(`expires in (\d+) s`).FindStringSubmatch(out)
	if expires == nil {
		return fmt.Errorf("dundi lookup: %s", out)
	}
	if _, err := home.CLI("dialplan remove extension 2002@dundi-local"); err != nil {
		return err
	}
	if _, found, err := lookup(at, "2002", ""); err != nil || !found {
		return fmt.Errorf("DUNDi does not answer from its cache: found %v, %v", found, err)
	}
	both[1].stale = expires[1] + " s (its cache says so; it was asked once more and named him)"
	began := time.Now()
	if err := l.Register(user, home, "*", 0); err != nil {
		return err
	}
	if !lab.Poll(10*time.Second, func() bool { _, found, _ := both[0].ask(); return !found }) {
		return fmt.Errorf("asterfed names the user for more than 10 s")
	}
	both[0].stale = fmt.Sprintf("under %d ms, the REGISTER included", time.Since(began).Milliseconds()+1)
	return nil
}

// dundiStart starts a node, whose DUNDi knows all others.
func dundiStart(n *lab.Node, i int, nodes []*lab.Node) error {
	id := func(i int) string { return fmt.Sprintf("02:00:00:00:00:%02x", i+1) }
	conf := fmt.Sprintf(dundiGeneral, id(i))
	for k, o := range nodes {
		if k != i {
			conf += fmt.Sprintf(dundiPeer, id(k), o.Address)
		}
	}
	if err := n.Write("/etc/asterisk/dundi.conf", conf); err != nil {
		return err
	}
	if err := n.Append("/etc/asterisk/extensions.conf", fmt.Sprintf(dundiUser, strconv.Itoa(2001+i))); err != nil {
		return err
	}
	if err := n.StartFederator(); err != nil {
		return err
	}
	if err := n.StartAsterisk(); err != nil {
		return err
	}
	if out, err := n.CLI("module load pbx_dundi.so"); err != nil || !strings.Contains(out, "Loaded") {
		return fmt.Errorf("load pbx_dundi on %s: %v %s", n.Name, err, out)
	}
	return nil
}

var completed = regexp.MustCompile(`completed in (\d+) ms`)

// lookup asks a node's DUNDi as an operator does.
func lookup(n *lab.Node, number, how string) (time.Duration, bool, error) {
	out, err := n.CLI(strings.TrimSpace("dundi lookup " + number + "@fed " + how))
	m := completed.FindStringSubmatch(out)
	if err != nil || m == nil {
		return 0, false, fmt.Errorf("dundi lookup: %v %s", err, out)
	}
	ms, err := strconv.Atoi(m[1])
	return time.Duration(ms) * time.Millisecond, strings.Contains(out, "EXISTS"), err
}

// ask asks a node's asterfed for the NAPTRs of a user's number.
func ask(n *lab.Node, user string, home *lab.Node) (time.Duration, bool, error) {
	began, found := time.Now(), false
	err := n.AskUntil(strings.TrimSuffix(enum(user), "."), 5*time.Second, func(answer []byte) bool {
		found = strings.Contains(string(answer), "@"+home.Name+".nodes.")
		return true
	})
	return time.Since(began), found, err
}
