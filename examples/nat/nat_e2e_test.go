//go:build e2e

package nat

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asterfed/asterfed/test/lab"
)

// The laboratory that all tests share: a and b behind the router, w outside.
var (
	l       *lab.Lab
	a, b, w *lab.Node
)

func TestMain(m *testing.M) {
	flag.Parse()
	code := 1
	err := start()
	if err == nil {
		code = m.Run()
	} else {
		fmt.Println(err)
	}
	if l != nil {
		if keep := os.Getenv("LAB_LOGS"); keep != "" {
			l.SaveLogs(keep)
		}
		l.Close()
	}
	os.Exit(code)
}

func start() (err error) {
	began := time.Now()
	if l, err = lab.New("../.."); err != nil {
		return err
	}
	router, err := l.AddRouter("10.88.0.7", "192.168.77.1", "nftables.conf")
	if err != nil {
		return err
	}
	if w, err = l.AddNode("pbx-w", "10.88.0.9", "22", "pbx-w"); err != nil {
		return err
	}
	if a, err = router.AddNode("pbx-a", "192.168.77.11", "16", "pbx-a", 5071); err != nil {
		return err
	}
	if b, err = router.AddNode("pbx-b", "192.168.77.12", "22", "pbx-b", 5072); err != nil {
		return err
	}
	errs := make([]error, 3)
	var all sync.WaitGroup
	for i, n := range []*lab.Node{a, b, w} {
		if err := n.Append("/etc/asterisk/extensions_site.conf", dialplan); err != nil {
			return err
		}
		if err := n.StartFederator(); err != nil {
			return err
		}
		all.Go(func() { errs[i] = n.StartAsterisk() })
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	figure("three nodes up", "%d ms", time.Since(began).Milliseconds())
	return nil
}

func figure(name, format string, args ...any) {
	fmt.Printf("e2e: %s: %s\n", name, fmt.Sprintf(format, args...))
}

// dialplan calls a user by a URI without a port or transport, which Asterisk's
// own resolver takes to NAPTR and SRV, and by IAX2.
const dialplan = `
[from-phones](+)
exten => _*8.,1,Dial(PJSIP/fed/sip:${EXTEN:2}@${EXTEN:2}.users.fed.example,20)
`

// asks polls dig until it answers so.
func asks(t *testing.T, n *lab.Node, name, qtype string, want ...string) {
	t.Helper()
	var got []string
	if !lab.Poll(20*time.Second, func() bool {
		got = n.Dig("@127.0.0.1", name+".fed.example", qtype)
		slices.Sort(got)
		return slices.Equal(got, want)
	}) {
		t.Errorf("%s asks for %s %s: got %q, want %q\n%s", n.Name, name, qtype, got, want, n.Log("asterfed"))
	}
}

// found waits until the node says that the user lives at home.
func found(t *testing.T, n *lab.Node, user string, home *lab.Node) {
	t.Helper()
	at := home.Name + ".nodes.fed.example"
	asks(t, n, user+".users", "NAPTR", `100 10 "u" "E2U+iax2" "!^.*$!iax2:fed@`+at+`/`+user+`!" .`,
		`100 10 "u" "E2U+pjsip" "!^.*$!sip:`+user+`@`+at+`!" .`, `100 10 "u" "E2U+sip" "!^.*$!sip:`+user+`@`+at+`!" .`)
}

// Every node, wherever it is, knows how each of the others is reached from there.
func TestEachSideGetsItsAddressesAndPorts(t *testing.T) {
	for _, n := range []*lab.Node{a, b} {
		asks(t, n, "pbx-a.nodes", "A", "192.168.77.11")
		asks(t, n, "pbx-b.nodes", "A", "192.168.77.12")
		asks(t, n, "_sip._udp.pbx-a.nodes", "SRV", "10 10 5060 pbx-a.nodes.fed.example.")
		asks(t, n, "_iax._udp.pbx-b.nodes", "SRV", "10 10 4569 pbx-b.nodes.fed.example.")
		asks(t, n, "pbx-w.nodes", "A", "10.88.0.9")
	}
	for i, name := range []string{"pbx-a", "pbx-b"} {
		asks(t, w, name+".nodes", "A", "10.88.0.7")
		asks(t, w, "_sip._udp."+name+".nodes", "SRV", fmt.Sprintf("10 10 507%d %s.nodes.fed.example.", i+1, name))
		asks(t, w, "_sip._tcp."+name+".nodes", "SRV", fmt.Sprintf("10 10 507%d %s.nodes.fed.example.", i+1, name))
		asks(t, w, "_iax._udp."+name+".nodes", "SRV", fmt.Sprintf("10 10 457%d %s.nodes.fed.example.", i+1, name))
	}
	// The asker decides, not the server: a node inside tells w, through the
	// router, what w needs, and w tells a node inside what that needs.
	if got := w.Dig("@10.88.0.7", "-p", "5302", "pbx-a.nodes.fed.example", "A"); !slices.Equal(got, []string{"10.88.0.7"}) {
		t.Errorf("pbx-b answers pbx-w %q", got)
	}
	if got := a.Dig("@192.168.77.12", "+tcp", "_sip._udp.pbx-b.nodes.fed.example", "SRV"); !slices.Equal(got, []string{"10 10 5060 pbx-b.nodes.fed.example."}) {
		t.Errorf("pbx-b answers pbx-a %q", got)
	}
}

// A user who lives behind NAT talks: media finds its way both ways.
func TestMediaThroughNAT(t *testing.T) {
	p, err := l.Phone("1004", "answer")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	if err := l.Register("1004", b, p.Contact, 600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Register("1004", b, "*", 0) })
	found(t, w, "1004", b)
	ear, err := l.Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer ear.Close()
	c, err := l.Dial("talk", "1009", w, "1004", 20*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	r := c.Wait()
	there, digits := ear.Heard(p.Media)
	back, _ := ear.Heard(c.Media)
	if r.Code != 200 || there < 50 || back < 50 || digits != "5" {
		t.Errorf("response %d, %d packets there, %d back, digits %q\n%s", r.Code, there, back, digits, r.Log)
	}
	figure("media", "%d RTP packets in through the router, %d out, digit %s read", there, back, digits)
}

// A node outside asks an Asterisk inside by its public port whether it lives:
// while its federator is gone, its users stay.
func TestSilentFederatorBehindNAT(t *testing.T) {
	p, err := l.Phone("1005", "answer")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	if err := l.Register("1005", b, p.Contact, 600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Register("1005", b, "*", 0) })
	for _, n := range []*lab.Node{a, w} {
		found(t, n, "1005", b)
	}
	b.KillFederator()
	for _, n := range []*lab.Node{a, w} {
		if !lab.Poll(10*time.Second, func() bool { return strings.Contains(n.Log("asterfed"), "node is orphan") }) {
			t.Errorf("%s does not find that pbx-b's Asterisk lives:\n%s", n.Name, n.Log("asterfed"))
		}
		found(t, n, "1005", b)
	}
	if r, err := l.Call("1009", w, "1005"); err != nil || r.Code != 200 {
		t.Errorf("call while the federator is gone: %d, %v\n%s", r.Code, err, r.Log)
	}
	if err := b.StartFederator(); err != nil {
		t.Fatal(err)
	}
	asks(t, b, "pbx-w.nodes", "A", "10.88.0.9")
}

// Calls go from each node to a user at each other one, by SIP with Asterisk's
// own lookups, and by IAX2, and the answering Asterisk is the right one of the
// two that share an address.
func TestCallsThroughNAT(t *testing.T) {
	homes := map[string]*lab.Node{"1001": a, "1002": b, "1003": w}
	phones := map[string]*lab.Phone{}
	for user, home := range homes {
		p, err := l.Phone(user, "answer")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Stop)
		phones[user] = p
		if err := l.Register(user, home, p.Contact, 600); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Register(user, home, "*", 0) })
	}
	for _, n := range []*lab.Node{a, b, w} {
		for user, home := range homes {
			found(t, n, user, home)
		}
	}
	for _, tt := range []struct{ way, prefix, channel string }{
		{"ENUM, then SIP", "", "PJSIP/fed-"}, {"SIP by the user's SRV", "*8", "PJSIP/fed-"}, {"IAX2", "*4", "IAX2/"},
	} {
		calls, slowest := 0, time.Duration(0)
		for _, from := range []*lab.Node{w, a, b} {
			for user, home := range homes {
				if from == home {
					continue
				}
				watch, err := lab.WatchChannels(home)
				if err != nil {
					t.Fatal(err)
				}
				before := phones[user].Invites()
				r, err := l.Call("1009", from, tt.prefix+user)
				if err != nil {
					t.Fatal(err)
				}
				started := strings.Join(watch.Started(), " ")
				watch.Close()
				if r.Code != 200 || !strings.Contains(started, tt.channel) || phones[user].Invites() != before+1 {
					t.Errorf("%s, %s to %s at %s: response %d, channels there %q, %d calls at the phone\n%s", tt.way, from.Name, user, home.Name,
						r.Code, started, phones[user].Invites()-before, r.Log)
				}
				calls++
				slowest = max(slowest, r.After)
			}
		}
		figure(tt.way, "%d calls between 3 nodes, 2 behind one address, answered after %d ms at most", calls, slowest.Milliseconds())
	}
}
