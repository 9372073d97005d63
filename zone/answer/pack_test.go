package answer

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/plain"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
)

var anyNames = []string{"1001", "1002", "+97231234567", "97231234567", "alice.smith", "Bob", "smith"}

// randomView has up to five nodes in any state, with bindings of every kind.
func randomView(t *testing.T, r *rand.Rand) *Zone {
	v := New(Config{Order: []Order{Newest, Nearest, All}[r.IntN(3)], Dial: Dial{"972", "0", "00"}, ITAD: "256", Delegations: []Delegation{{Block: "97246", Servers: []NameServer{{Name: "ns.example."}}}}}, view.New(view.Config{Origin: origin, Self: "pbx-0", TTL: 5 * time.Second}))
	kinds := []location.Kind{location.User, location.Entry, location.Number, location.Prefix, location.Wildcard, location.Trunk, location.Service,
		location.Conference, location.Queue, location.Parked}
	for i := range 1 + r.IntN(5) {
		n := record.Node{Name: fmt.Sprintf("pbx-%d", i), State: []record.NodeState{record.Up, record.Up, record.Down, record.Draining}[r.IntN(4)], IAX: uint16(r.IntN(2) * 4569),
			Addrs: []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})}}
		for _, p := range []string{"udp", "tcp", "tls"}[:r.IntN(4)] {
			n.SIP = append(n.SIP, record.Transport{Proto: p, Port: 5060})
		}
		if r.IntN(2) == 0 {
			n.Addrs = append(n.Addrs, netip.MustParseAddr("2001:db8::1"))
			n.Horizon(netip.MustParsePrefix("10.0.0.0/8")).Addrs = []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 0, byte(i)})}
		}
		var all []location.Binding
		for range r.IntN(12) {
			name := anyNames[r.IntN(len(anyNames))]
			if r.IntN(2) == 0 {
				all = append(all, binding(name, r.Uint64N(3), r.Uint64N(4)))
				continue
			}
			d := location.Details{Cost: uint16(r.IntN(2)), Name: []string{"", "Alice \"Å\""}[r.IntN(2)]}
			if r.IntN(3) == 0 {
				d.Of = location.AOR(anyNames[r.IntN(len(anyNames))])
			}
			k := kinds[r.IntN(len(kinds))]
			if k.Dialled() {
				name = "97231234567"[:1+r.IntN(11)]
			}
			if b, err := location.Publish(k, name, d); err == nil {
				all = append(all, b)
			}
		}
		h := v.Home(n.Name)
		h.Replace(record.Version{Epoch: "e", Serial: 1}, &n, all)
		h.SetReach(view.Reach(r.IntN(3)))
		h.SetDistance(time.Duration(r.IntN(3)) * 20 * time.Millisecond)
	}
	v.SetSettled(true)
	return v
}

// The packer gives what LookupFor gives, packed by miekg/dns, in any view.
func TestAppendIsLookup(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	names := []string{"", "_udp.", "_sip._udp.", "users.", "e164.", "nodes.", "trunks.", "pbx-0.nodes.", "_sips._tcp.pbx-1.nodes.", "homes.",
		"7.6.5.4.3.2.1.3.2.7.9.e164.", "7.6.5.4.3.2.1.3.0.e164.", "3.2.7.9.e164.", "9.9.3.2.7.9.e164.", "1.6.4.2.7.9.e164.", "1.0.0.1.256.isn."}
	for _, n := range anyNames {
		names = append(names, n+".users.", "_sip._udp."+n+".users.", "_tcp."+n+".users.", n+".trunks.", n+".services.")
	}
	askers := []netip.Addr{netip.MustParseAddr("192.0.2.200"), netip.MustParseAddr("10.1.2.3")}
	answered, buf := 0, make([]byte, 0, 4096)
	for range 150 {
		v := randomView(t, r)
		p := v.NewPacker()
		for _, name := range names {
			for _, qtype := range types {
				m := new(dns.Msg)
				m.SetQuestion(strings.ToUpper(name)+origin, qtype)
				b, err := m.Pack()
				if err != nil {
					t.Fatal(err)
				}
				var q plain.Query
				if !q.Parse(b) {
					t.Fatalf("%s is no plain query", name)
				}
				a, turn := v.Client(askers[r.IntN(2)]), v.turn.Load()
				got, rcode, ok := p.Append(buf, a, &q, cap(buf))
				v.turn.Store(turn)
				res := v.LookupFor(a, strings.ToLower(name)+origin, qtype)
				m.SetRcode(m, res.Rcode)
				m.Authoritative, m.Answer, m.Ns, m.Extra, m.Compress = !res.Referral, res.Answer, res.Ns, res.Extra, true
				for i := range m.Answer {
					m.Answer[i] = dns.Copy(m.Answer[i])
					m.Answer[i].Header().Name = m.Question[0].Name
				}
				want, err := m.Pack()
				if err != nil {
					t.Fatal(err)
				}
				if !ok || rcode != res.Rcode || !bytes.Equal(got, want) {
					t.Fatalf("%s %s: %v\ngot  %x\nwant %x\n%v", name, dns.TypeToString[qtype], ok, got, want, m)
				}
				answered += len(m.Answer)
			}
		}
	}
	if answered < 4000 {
		t.Errorf("%d records in all answers", answered)
	}
}
