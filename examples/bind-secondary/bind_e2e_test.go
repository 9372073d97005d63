//go:build e2e

package bindsecondary

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/record"
	"github.com/miekg/dns"
)

// changes are what BIND follows.
const changes = 10_000

// TestBINDFollows: BIND follows random changes of two nodes by IXFR, and holds
// what the node answers, name by name; then a node dies and comes back.
func TestBINDFollows(t *testing.T) {
	l := newLab(t)
	l.node(t, "pbx-a", nodeA, "secondary "+bind+" key bind.key", "prometheus "+metrics)
	b := l.node(t, "pbx-b", nodeB, "", "")
	l.named(t)
	p := &publisher{Rand: rand.New(rand.NewPCG(1, 2)), held: map[string][]dns.RR{}}
	began := time.Now()
	for done := 0; done < changes; {
		ip, node := nodeA, "pbx-a"
		if p.IntN(3) == 0 {
			ip, node = nodeB, "pbx-b"
		}
		gone, come := p.some(node, min(1+p.IntN(100), changes-done))
		if err := l.update(t.Context(), ip, node, gone, come); err != nil {
			t.Fatal(err)
		}
		done += len(gone) + len(come)
		time.Sleep(time.Until(began.Add(time.Duration(done) * 2 * time.Millisecond))) // 500 changes a second
	}
	took := time.Since(began)
	full, incremental := transfers(t, "full"), transfers(t, "incremental")
	got := strings.Count(l.said(t, "named.log"), "got incremental response")
	l.last(t)
	all := l.level(t)
	l.alike(t, p, all)
	t.Logf("%d changes in %v: %d incremental transfers, %d full; %d records", changes, took.Round(time.Second), incremental, full, len(all))
	if incremental < 10 || got < 10 || full > 1 {
		t.Errorf("transfers: %d full, %d incremental, of which BIND took %d", full, incremental, got)
	}
	l.checkzone(t, all)

	b.Process.Kill()
	b.Wait()
	hidden := func() int {
		return strings.Count(strings.Join(l.level(t), "\n"), "@pbx-b.nodes")
	}
	if hidden := until(hidden, func(n int) bool { return n == 0 }); hidden > 0 {
		t.Errorf("pbx-b is dead, and %d records lead to it", hidden)
	}
	l.alike(t, p, l.level(t))
	l.node(t, "pbx-b", nodeB, "", "")
	want := strings.Count(strings.Join(all, "\n"), "@pbx-b.nodes")
	if again := until(hidden, func(n int) bool { return n == want }); again != want {
		t.Errorf("pbx-b is back, and %d records lead to it, %d did", again, want)
	}
	if now := l.level(t); !slices.Equal(now, all) {
		t.Errorf("the zone was\n%d records and has\n%d", len(all), len(now))
	}
}

// last publishes a name at each node, and waits until the zone has both, and so
// all that was published before.
func (l *lab) last(t *testing.T) {
	t.Helper()
	for ip, node := range map[string]string{nodeA: "pbx-a", nodeB: "pbx-b"} {
		rr, err := dns.NewRR("last-" + node + ".users." + node + ".homes." + origin + ` 0 IN TXT "k=user"`)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.update(t.Context(), ip, node, nil, []dns.RR{rr}); err != nil {
			t.Fatal(err)
		}
	}
	await(t, func() error {
		_, all, err := l.transfer(nodeA + ":" + port)
		text := strings.Join(all, "\n")
		if err == nil && !(strings.Contains(text, "last-pbx-a.users") && strings.Contains(text, "last-pbx-b.users")) {
			err = errors.New("the zone lacks what was published last")
		}
		return err
	})
}

// until asks again and again for what should be fine.
func until(f func() int, fine func(int) bool) (n int) {
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if n = f(); fine(n) {
			break
		}
	}
	return n
}

// level waits until BIND has the serial of the node, and returns the zone, which
// both have alike.
func (l *lab) level(t *testing.T) []string {
	t.Helper()
	var out []string
	await(t, func() error {
		want, zone, err := l.transfer(nodeA + ":" + port)
		if err != nil {
			return err
		}
		got, copied, err := l.transfer(bind)
		if err != nil {
			return err
		}
		again, _, err := l.transfer(nodeA + ":" + port)
		if err != nil || got.Serial != want.Serial || again.Serial != want.Serial {
			return fmt.Errorf("BIND has serial %d, the node %d: %w", got.Serial, want.Serial, err)
		}
		if !slices.Equal(zone, copied) {
			t.Fatalf("serial %d is %d records at the node and %d in BIND's copy", got.Serial, len(zone), len(copied))
		}
		out = zone
		return nil
	})
	return out
}

// alike asks both for what is there, was there, and never was.
func (l *lab) alike(t *testing.T, p *publisher, all []string) {
	t.Helper()
	names := map[string]bool{}
	for _, i := range p.Perm(len(all))[:min(700, len(all))] {
		owner, _, _ := strings.Cut(all[i], "\t")
		names[strings.Replace(owner, "*.", "5.", 1)], names[owner] = true, true
		_, above, _ := strings.Cut(owner, ".")
		names["5."+above] = true
	}
	for range 500 {
		names[record.ENUM(p.digits())+"e164."+origin] = true
		names[p.user()+".users."+origin] = true
	}
	n := 0
	for name := range names {
		if !dns.IsSubDomain(origin, name) {
			continue
		}
		for _, qtype := range []uint16{dns.TypeNAPTR, dns.TypeTXT, dns.TypeSRV, dns.TypeA} {
			var got, want string
			await(t, func() (err error) {
				if want, err = ask(nodeA+":"+port, name, qtype); err == nil {
					got, err = ask(bind, name, qtype)
				}
				return err
			})
			if n++; got != want {
				t.Fatalf("%s %s: BIND answers\n%s\nthe node\n%s", name, dns.TypeToString[qtype], got, want)
			}
		}
	}
	t.Logf("%d answers are alike", n)
}

// checkzone has named-checkzone read the zone.
func (l *lab) checkzone(t *testing.T, records []string) {
	t.Helper()
	soa, _, err := l.transfer(nodeA + ":" + port)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(l.dir, "dump")
	if err := os.WriteFile(file, []byte(soa.String()+"\n"+strings.Join(records, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "named-checkzone", "fed.example", file).CombinedOutput(); err != nil {
		t.Errorf("named-checkzone: %v\n%s", err, out)
	}
}

// transfers returns what the node has counted.
func transfers(t *testing.T, kind string) int {
	t.Helper()
	r, err := http.Get("http://" + metrics + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`zone_transfers_total\{kind="` + kind + `",[^}]*\} (\d+)`).FindSubmatch(text)
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(string(m[1]))
	return n
}

// publisher thinks of what to publish.
type publisher struct {
	*rand.Rand
	held map[string][]dns.RR
}

func (p *publisher) digits() string {
	b := make([]byte, 1+p.IntN(6))
	for i := range b {
		b[i] = "02459"[p.IntN(5)]
	}
	return string(b)
}

func (p *publisher) user() string { return fmt.Sprintf("user-%d", p.IntN(400)) }

// record returns what a node could publish.
func (p *publisher) record(node string) dns.RR {
	apex := node + ".homes." + origin
	number := record.ENUM(p.digits()) + "e164." + apex
	// Few targets: an answer that is trimmed is another one each time.
	target := fmt.Sprintf(`"u=t%d"`, p.IntN(3))
	if p.IntN(3) == 0 {
		target = fmt.Sprintf(`"of=user-%d"`, p.IntN(3))
	}
	var text string
	switch p.IntN(12) {
	case 0:
		text = number + ` TXT "k=prefix" ` + target
	case 1:
		text = "*." + number + ` TXT "k=wildcard" ` + target
	case 2:
		d := p.digits()
		text = record.ENUM(d) + "e164." + apex + ` TXT "k=range" "to=` + strings.Repeat("9", len(d)) + `" ` + target
	case 3:
		text = fmt.Sprintf(`trunk-%d.trunks.%s TXT "k=trunk" "cost=%d"`, p.IntN(5), apex, p.IntN(3))
	case 4, 5, 6, 7:
		text = p.user() + ".users." + apex + fmt.Sprintf(` TXT "k=user" "n=Name %d"`, p.IntN(5))
	default:
		text = number + ` TXT "k=number" ` + target
	}
	rr, err := dns.NewRR(strings.Replace(text, " TXT", " 0 IN TXT", 1))
	if err != nil {
		panic(err)
	}
	return rr
}

// some returns n changes: what goes, and what comes.
func (p *publisher) some(node string, n int) (gone, come []dns.RR) {
	for range n {
		held := p.held[node]
		if len(held) > 0 && p.IntN(len(held)+300) < len(held) {
			i := p.IntN(len(held))
			gone = append(gone, dns.Copy(held[i]))
			p.held[node] = slices.Delete(held, i, i+1)
			continue
		}
		rr := p.record(node)
		p.held[node] = append(held, rr)
		come = append(come, dns.Copy(rr))
	}
	return gone, come
}
