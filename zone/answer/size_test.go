package answer

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
)

// sizedWorld has nodes with short or long names, a user who is registered at
// all of them, a number that all publish with names, a prefix that all lead out
// with, and a service.
func sizedWorld(t *testing.T, nodes int, origin, node, aor, name string) *Zone {
	t.Helper()
	v := New(Config{}, view.New(view.Config{Origin: origin, Self: fmt.Sprintf(node, 0), TTL: 5 * time.Second}))
	for i := range nodes {
		n := record.Node{State: record.Up, IAX: 4569, SIP: []record.Transport{{Proto: "udp", Port: 5060}, {Proto: "tcp", Port: 5060}}, Addrs: []netip.Addr{
			netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", i+1))}}
		changes := []location.Change{bind(aor, uint64(i+1), uint64(i+1))}
		publish := func(k location.Kind, name string, d location.Details) {
			b, err := location.Publish(k, name, d)
			if err != nil {
				t.Fatal(err)
			}
			b.Stamp = location.Stamp(i + 1)
			changes = append(changes, location.Change{New: b})
		}
		publish(location.Entry, aor, location.Details{Name: fmt.Sprintf(name, i)})
		publish(location.Number, "5550", location.Details{Target: location.AOR(aor), Name: fmt.Sprintf(name, i)})
		publish(location.Prefix, "49", location.Details{Via: "berlin"})
		publish(location.Trunk, "berlin", location.Details{})
		publish(location.Service, "news", location.Details{Target: "1"})
		for j := range location.MaxPerName - 1 {
			publish(location.Number, "5551", location.Details{Target: location.AOR(fmt.Sprint("u", j)), Name: fmt.Sprintf(name, 1000*i+j)})
			if j > 150/nodes {
				break
			}
		}
		v.Home(fmt.Sprintf(node, i)).Apply(record.Version{Epoch: "e", Serial: 1}, &n, changes)
	}
	v.SetSettled(true)
	return v
}

// Whatever is asked for, Asterisk can read the answer as a TCP client receives
// it, and a BIND secondary takes the RRset: at most 4,000 octets, and 100 records.
func TestEveryAnswerFits(t *testing.T) {
	long := strings.Repeat("z", 40) + ".example."
	for _, w := range []struct{ origin, node, aor, name string }{
		{"x.", "n%d", "1", "%d"},
		{origin, "pbx-%03d", "alice.smith", "Alice Smith %d"},
		{long, "pbx-with-a-very-long-name-in-a-city-%03d", strings.Repeat("a", 60), strings.Repeat("é", 80) + " %d"},
	} {
		for _, nodes := range []int{1, 10, 50, 150} {
			v := sizedWorld(t, nodes, w.origin, w.node, w.aor, w.name)
			for _, rel := range []string{"", w.aor + ".users.", "0.5.5.5.e164.", "1.5.5.5.e164.", "3.2.1.9.4.e164.", "berlin.trunks.", "news.services.",
				fmt.Sprintf(w.node, 0) + ".nodes."} {
				for _, label := range []string{"", "_sip._udp.", "_sip._tcp.", "_iax._udp."} {
					for _, qtype := range []uint16{dns.TypeNAPTR, dns.TypeSRV, dns.TypeTXT, dns.TypeNS, dns.TypeA, dns.TypeAAAA} {
						if label != "" != (qtype == dns.TypeSRV) {
							continue
						}
						qname := label + rel + w.origin
						res := v.Lookup(qname, qtype)
						m := new(dns.Msg)
						m.SetQuestion(qname, qtype)
						m.Response, m.Compress = true, true
						m.Answer, m.Ns, m.Extra = res.Answer, res.Ns, res.Extra
						m.SetEdns0(1232, false)
						wire, err := m.Pack()
						if err != nil {
							t.Errorf("%d nodes: %s %s: %v", nodes, qname, dns.TypeToString[qtype], err)
						}
						if len(wire) > 4000 || len(res.Answer) > 100 {
							t.Errorf("%d nodes: %s %s has %d octets, %d records", nodes, qname, dns.TypeToString[qtype], len(wire), len(res.Answer))
						}
					}
				}
			}
			for _, u := range []string{"1.5.5.5.e164", "", w.aor + ".users"} { // what a secondary gets
				set := map[string]int{}
				for _, rr := range v.Records(u) {
					h := rr.Header()
					if set[h.Name+dns.TypeToString[h.Rrtype]]++; set[h.Name+dns.TypeToString[h.Rrtype]] > 100 {
						t.Fatalf("%d nodes: a secondary gets more than 100 records of %s %s", nodes, h.Name, dns.TypeToString[h.Rrtype])
					}
				}
			}
		}
	}
}

// A text takes as much of the room as it has octets on the wire, not as its
// escapes would: names in any alphabet are answered alike.
func TestNamesAreCountedAsSent(t *testing.T) {
	v := newTestView(t, Newest)
	var changes []location.Change
	for i := range 40 {
		b, err := location.Publish(location.Number, "5551", location.Details{Target: location.AOR(fmt.Sprint("u", i)), Name: strings.Repeat("ש", 20) + fmt.Sprint(i)})
		if err != nil {
			t.Fatal(err)
		}
		changes = append(changes, location.Change{New: b})
	}
	v.Home("pbx-b").Apply(record.Version{Epoch: "e", Serial: 2}, nil, changes)
	if n := len(v.Lookup("1.5.5.5.e164."+origin, dns.TypeTXT).Answer); n != 40 {
		t.Errorf("%d names of 40, which are %d octets", n, 40*(12+43))
	}
}

// A URI that is longer than a record's string can be is left out: with it
// nobody could have the answer, and a transfer of the zone would not end.
func TestLongURIIsLeftOut(t *testing.T) {
	zone := strings.Repeat("z", 60) + ".example."
	node := strings.Repeat("n", 40)
	v := New(Config{}, view.New(view.Config{Origin: zone, Self: "pbx-a", TTL: 5 * time.Second}))
	n := record.Node{State: record.Up, IAX: 4569, SIP: []record.Transport{{Proto: "udp", Port: 5060}}}
	for _, d := range []struct {
		node, via string
	}{{node, strings.Repeat("v", 63)}, {"pbx-a", "berlin"}} {
		b, err := location.Publish(location.Prefix, "49", location.Details{Via: location.AOR(d.via)})
		if err != nil {
			t.Fatal(err)
		}
		v.Home(d.node).Apply(record.Version{Epoch: "e", Serial: 1}, &n, []location.Change{{New: b}})
	}
	v.SetSettled(true)
	res := v.Lookup("1.9.4.e164."+zone, dns.TypeNAPTR)
	m := &dns.Msg{Answer: res.Answer}
	if _, err := m.Pack(); err != nil || len(res.Answer) != 3 {
		t.Errorf("%d records, %v: want those of pbx-a", len(res.Answer), err)
	}
	if v.Trimmed() == 0 {
		t.Error("what was left out is not counted")
	}
	for _, c := range v.Explain("1.9.4.e164." + zone).Claims {
		if c.Rule == RuleTrimmed != (c.Home == node) || c.Preference != 0 != (c.Home != node) {
			t.Errorf("%s: %s, %s", c.Home, c.Rule, c.Why)
		}
	}
}
