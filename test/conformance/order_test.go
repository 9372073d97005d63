package conformance

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/miekg/dns"
)

// The second federation: pbx-n ranks by distance, pbx-b by the newest claim,
// pbx-d not at all. The others reach pbx-b and pbx-c through relays only.
var second = []struct {
	node, addr, settings string
	lines                []line
}{
	{"pbx-n", "127.0.0.71", "order nearest", nil},
	{"pbx-b", "127.0.0.72", "transfer 127.0.0.72:" + port + " advertise 127.0.0.82:" + port,
		[]line{{location.PJSIP, "2001", 300, location.Details{}}, {location.PJSIP, "2002", 100, location.Details{}}}},
	{"pbx-c", "127.0.0.73", "transfer 127.0.0.73:" + port + " advertise 127.0.0.83:" + port + "\n" +
		"address 127.0.0.73 advertise 192.0.2.73\nsip udp:5060 advertise udp:5070\niax 4569 advertise 4579\n" +
		"address 127.0.0.73 for 127.0.0.88/30\naddress 10.73.0.1 for 127.0.0.74/32",
		[]line{{location.PJSIP, "2001", 200, location.Details{}}, {location.PJSIP, "2002", 200, location.Details{}}}},
	{"pbx-d", "127.0.0.74", "order all", nil},
}

// startSecond starts it, with relays to pbx-b and pbx-c, until the test ends.
func startSecond(t *testing.T) (b, c *relay) {
	t.Helper()
	b, c = newRelay(t, "127.0.0.82:"+port, "127.0.0.72:"+port), newRelay(t, "127.0.0.83:"+port, "127.0.0.73:"+port)
	dir := t.TempDir()
	key := filepath.Join(dir, "gossip.key")
	if err := os.WriteFile(key, []byte("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, n := range second {
		data := filepath.Join(dir, n.node)
		if err := keep(data, n.node, n.lines); err != nil {
			t.Fatal(err)
		}
		sip := "sip udp:5060\n"
		if strings.Contains(n.settings, "sip ") {
			sip = ""
		}
		text := fmt.Sprintf("fed.example:%s {\nbind %s\nfederation {\nnode %s\ngossip %s:7946 key %s\nrpc off\njoin 127.0.0.71\n"+
			"data %s\nprofile local\n%s%s\n}\n}\n", port, n.addr, n.node, n.addr, key, data, sip, n.settings)
		conf := filepath.Join(dir, n.node+".conf")
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(command, "serve", "--conf", conf)
		log := new(bytes.Buffer)
		cmd.Stderr = log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			cmd.Process.Kill()
			cmd.Wait()
			if t.Failed() {
				t.Logf("%s:\n%s", n.node, log)
			}
		})
	}
	return b, c
}

// targets returns "preference node" of the E2U+sip records of a user, or of
// the SRV records of a service, in the order of the answer.
func targets(t *testing.T, at, name string) (out []string) {
	t.Helper()
	m := new(dns.Msg)
	m.SetQuestion(name+"."+origin, dns.TypeNAPTR)
	if strings.HasPrefix(name, "_") {
		m.Question[0].Qtype = dns.TypeSRV
	}
	r, err := dns.Exchange(m, at+":"+port)
	if err != nil {
		return nil // it has not begun to listen
	}
	for _, rr := range r.Answer {
		switch rr := rr.(type) {
		case *dns.NAPTR:
			if _, host, ok := strings.Cut(rr.Regexp, "@"); ok && rr.Service == "E2U+sip" {
				out = append(out, fmt.Sprint(rr.Preference, " ", host[:5]))
			}
		case *dns.SRV:
			out = append(out, fmt.Sprint(rr.Priority, " ", rr.Target[:5]))
		}
	}
	return out
}

// ranked waits for an answer that is one of those wanted.
func ranked(t *testing.T, at, name string, want ...string) {
	t.Helper()
	got := ""
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if got = strings.Join(targets(t, at, name), ", "); slices.Contains(want, got) {
			return
		}
	}
	t.Errorf("%s ranks %s as %q, want %q", at, name, got, want)
}

// alternate waits until an answer has been seen in each of the wanted orders:
// equals take turns.
func alternate(t *testing.T, at, name string, want ...string) {
	t.Helper()
	for _, w := range want {
		ranked(t, at, name, w)
	}
}

// TestOrder: preferences are ranks (RFC 3403 §4.1, RFC 2782) that each node
// gives by its own policy, out of round trips that really took so long.
func TestOrder(t *testing.T) {
	b, c := startSecond(t)
	b.delay.Store(int64(60 * time.Millisecond))
	ranked(t, "127.0.0.71", "2001.users", "10 pbx-c, 20 pbx-b") // nearest, though pbx-b's claim is newer
	ranked(t, "127.0.0.72", "2001.users", "10 pbx-b, 20 pbx-c") // newest
	ranked(t, "127.0.0.72", "2002.users", "10 pbx-c, 20 pbx-b")
	alternate(t, "127.0.0.74", "2001.users", "10 pbx-b, 10 pbx-c", "10 pbx-c, 10 pbx-b") // all alike
	ranked(t, "127.0.0.71", "_sip._udp.2001.users", "10 pbx-c, 20 pbx-b")
	// At the apex pbx-n is nearest to itself and pbx-b farthest; between the two
	// others the machine's load may make a difference.
	ranked(t, "127.0.0.71", "_sip._udp", "10 pbx-n, 20 pbx-c, 20 pbx-d, 40 pbx-b", "10 pbx-n, 20 pbx-d, 20 pbx-c, 40 pbx-b",
		"10 pbx-n, 20 pbx-c, 30 pbx-d, 40 pbx-b", "10 pbx-n, 20 pbx-d, 30 pbx-c, 40 pbx-b")
	t.Run("askers", askers)
	// pbx-b comes near, pbx-c goes far: their ranks change places.
	b.delay.Store(0)
	c.delay.Store(int64(60 * time.Millisecond))
	ranked(t, "127.0.0.71", "2001.users", "10 pbx-b, 20 pbx-c")
}

func isOPT(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeOPT }

// askers: what a node tells one network it tells no other, whichever node is
// asked, over UDP and TCP.
func askers(t *testing.T) {
	ranked(t, "127.0.0.74", "2001.users", "10 pbx-b, 10 pbx-c", "10 pbx-c, 10 pbx-b") // it knows them
	for _, a := range []struct{ from, at, addr, sip, iax string }{
		{"127.0.0.87", "127.0.0.71", "192.0.2.73", "5070", "4579"},
		{"127.0.0.88", "127.0.0.71", "127.0.0.73", "5060", "4569"},
		{"127.0.0.91", "127.0.0.74", "127.0.0.73", "5060", "4569"},
		{"127.0.0.92", "127.0.0.71", "192.0.2.73", "5070", "4579"},
		{"127.0.0.74", "127.0.0.71", "10.73.0.1", "5060", "4569"},
		{"127.0.0.1", "127.0.0.71", "192.0.2.73", "5070", "4579"},
		{"127.0.0.1", "127.0.0.74", "10.73.0.1", "5060", "4569"}, // pbx-d's own machine, whose address is 127.0.0.74
	} {
		for _, way := range []string{"udp", "tcp", "udp with a signature wanted"} { // the short way, and the long one twice
			network := way[:3]
			for _, q := range []struct{ name, qtype, want string }{
				{"pbx-c.nodes", "A", a.addr},
				{"_sip._udp.pbx-c.nodes", "SRV", "10 10 " + a.sip + " pbx-c.nodes.fed.example. " + a.addr},
				{"_iax._udp.pbx-c.nodes", "SRV", "10 10 " + a.iax + " pbx-c.nodes.fed.example. " + a.addr},
				{"pbx-d.nodes", "A", "127.0.0.74"},
			} {
				m := new(dns.Msg)
				m.SetQuestion(q.name+"."+origin, dns.StringToType[q.qtype])
				if way != network {
					m.SetEdns0(1232, true)
				}
				from := net.ParseIP(a.from)
				d := &net.Dialer{LocalAddr: &net.UDPAddr{IP: from}}
				if network == "tcp" {
					d.LocalAddr = &net.TCPAddr{IP: from}
				}
				r, _, err := (&dns.Client{Net: network, Dialer: d}).Exchange(m, a.at+":"+port)
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, rr := range slices.DeleteFunc(slices.Concat(r.Answer, r.Extra), isOPT) {
					got = append(got, strings.TrimPrefix(rr.String(), rr.Header().String()))
				}
				if text := strings.Join(got, " "); text != q.want {
					t.Errorf("%s asks %s over %s for %s %s: got %s, want %s", a.from, a.at, way, q.name, q.qtype, text, q.want)
				}
			}
		}
	}
}
