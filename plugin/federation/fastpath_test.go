package federation

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/config"
	"github.com/asterfed/asterfed/plugin/federation/fastpath"
	"github.com/asterfed/asterfed/plugin/federation/udp"
	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/tsig"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/miekg/dns"
)

const diffOrigin = "fed.example."

// both answers one datagram on the two ways that there are.
type both struct {
	server *dnsserver.Server
	fast   *fastpath.Answerer
}

func newBoth(t testing.TB) *both {
	t.Helper()
	cfg := config.Config{Origin: diffOrigin, Node: "pbx-a", TTL: 5 * time.Second, Order: answer.Newest, Fast: true, ITAD: "256",
		Key: &tsig.Key{Name: "transfer.fed.example."}, Dial: answer.Dial{Country: "972", National: "0", International: "00"},
		Delegations: []answer.Delegation{{Block: "97246", Servers: []answer.NameServer{{Name: "ns.example.", Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.9")}}}}}}
	r := viewing(t, cfg)
	populate(t, r.zone)
	conf := &dnsserver.Config{Zone: diffOrigin, ListenHosts: []string{"127.0.0.1"}, Port: "53", Transport: "dns"}
	conf.AddPlugin(func(next plugin.Handler) plugin.Handler {
		return newFederation(r)
	})
	standInFront(conf, diffOrigin)
	if err := dnsserver.SetDirectives([]string{"bufsize", "federation"}); err != nil { // their order
		t.Fatal(err)
	}
	s, err := dnsserver.NewServer("dns://127.0.0.1:53", []*dnsserver.Config{conf})
	if err != nil {
		t.Fatal(err)
	}
	path := &fastpath.Path{Conf: conf, Plugin: "federation", Origin: diffOrigin, Zone: func() *answer.Zone { return r.zone }, MaxUDP: maxUDP, Requests: requestCount.WithLabelValues(diffOrigin), Logger: r.log,
		All: func() []*dnsserver.Config { return []*dnsserver.Config{conf} }}
	if why := path.Obstacle("127.0.0.1:53"); why != "" {
		t.Fatal(why)
	}
	return &both{s, path.Answerer(s)}
}

// populate binds users of every kind. Each node has a distance of its own, so
// that none take turns.
func populate(t testing.TB, v *answer.Zone) {
	t.Helper()
	published := func(k location.Kind, name string, d location.Details) location.Binding {
		b, err := location.Publish(k, name, d)
		if err != nil {
			t.Fatal(err)
		}
		b.Stamp = 7
		return b
	}
	registered := func(aor string, stamp uint64) location.Binding {
		c := location.Contact{AOR: location.AOR(aor), Kind: location.PJSIP, URI: "sip:" + aor + "@192.0.2.7"}
		return location.Binding{AOR: c.AOR, Kind: c.Kind, Contact: c.ID(), Stamp: location.Stamp(stamp)}
	}
	lines := map[string][]location.Binding{
		"pbx-a": {registered("1001", 9), registered("Alice.Smith", 1), registered("+97231234567", 1),
			published(location.Number, "97231231001", location.Details{Target: "1001", Name: "Alice \"A\" Å"}),
			published(location.Prefix, "9724", location.Details{}), published(location.Wildcard, "9725", location.Details{Target: "wild"}),
			published(location.Range, "97239990105", location.Details{To: "97239990149", Target: "range"}),
			published(location.Trunk, "berlin", location.Details{}), published(location.Service, "500", location.Details{Name: "Board"})},
		"pbx-b": {registered("1001", 5), registered("1002", 5), published(location.Trunk, "berlin", location.Details{Cost: 5}),
			published(location.User, "queue", location.Details{Of: "1002"}), published(location.Entry, "1003", location.Details{Target: "vm", Name: "Carol"})},
		"pbx-c": {registered("1001", 7), registered("3003", 1)},
		"pbx-d": {registered("4004", 1)},
	}
	for i := range 60 {
		lines["pbx-d"] = append(lines["pbx-d"], published(location.Number, "5550080", location.Details{Target: location.AOR(fmt.Sprintf("someone-%02d", i)), Cost: uint16(i)}))
	}
	for i, name := range []string{"pbx-a", "pbx-b", "pbx-c", "pbx-d"} {
		n := record.Node{Name: name, State: record.Up, SIP: []record.Transport{{Proto: "udp", Port: 5060}, {Proto: "tcp", Port: 5061}},
			Addrs: []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)}), netip.MustParseAddr(fmt.Sprintf("2001:db8::%d", i+1))}}
		if i < 2 {
			n.IAX = 4569
		}
		h := v.Home(name)
		h.Replace(record.Version{Epoch: "e", Serial: 1}, &n, lines[name])
		h.SetDistance(time.Duration(i) * 100 * time.Millisecond)
	}
	v.Home("pbx-c").SetReach(view.Gone)
	v.SetSettled(true)
}

// capture is the writer of one answer.
type capture struct {
	dns.ResponseWriter
	from *net.UDPAddr
	out  []byte
}

func (c *capture) LocalAddr() net.Addr  { return &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 53} }
func (c *capture) RemoteAddr() net.Addr { return c.from }
func (c *capture) TsigStatus() error    { return nil }
func (c *capture) WriteMsg(m *dns.Msg) (err error) {
	c.out, err = m.Pack()
	return err
}

func (b *both) slow(datagram []byte, from netip.AddrPort) []byte {
	m := new(dns.Msg)
	if err := m.Unpack(datagram); err != nil {
		return nil
	}
	c := &capture{from: net.UDPAddrFromAddrPort(from)}
	b.server.ServeDNS(context.Background(), c, m)
	return c.out
}

var froms = []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:1024"), netip.MustParseAddrPort("[2001:db8::7]:1024")}

// compare reports whether the fast path took the datagram; if it did, its answer
// is the one that the chain gives, octet by octet.
func (b *both) compare(t *testing.T, datagram []byte, from netip.AddrPort) bool {
	t.Helper()
	got, ok := b.fast.Answer(make([]byte, 0, udp.MaxReply), datagram, from)
	if !ok {
		return false
	}
	if want := b.slow(datagram, from); !bytes.Equal(got, want) {
		g, w := new(dns.Msg), new(dns.Msg)
		g.Unpack(got)
		w.Unpack(want)
		t.Fatalf("asked %x: got %x\n%v\nwant %x\n%v", datagram, got, g, want, w)
	}
	return true
}

// diffNames are names of every kind, below the origin.
var diffNames = []string{"", "_udp", "_sip._udp", "_sips._tcp", "_iax._udp", "users", "e164", "nodes", "trunks", "services", "isn", "homes", "pbx-a.homes",
	"www", "1001.users", "alice.SMITH.users", "smith.users", "queue.users", "1003.users", "nobody.users", "_sip._udp.1001.users", "_iax._udp.1001.users",
	"_udp.1001.users", "3003.users", "4004.users", "1.0.0.1.e164", "1.0.0.1.3.2.1.3.2.7.9.e164", "7.6.5.4.3.2.1.3.2.7.9.e164", "7.6.5.4.3.2.1.3.0.e164",
	"3.2.7.9.e164", "9.9.4.2.7.9.e164", "1.1.4.2.0.e164", "5.5.2.7.9.e164", "0.2.1.0.9.9.9.3.2.7.9.e164", "9.9.9.e164", "x.e164", "1.6.4.2.7.9.e164", "6.4.2.7.9.e164",
	"0.8.0.0.5.5.5.e164", "1.0.0.1.256.isn", "1.0.0.1.7.isn", "PBX-a.nodes", "pbx-c.nodes", "pbx-x.nodes", "_sip._tcp.pbx-b.nodes", "_tcp.pbx-b.nodes",
	"berlin.trunks", "_sip._udp.berlin.trunks", "500.services", "*.users", "_dmarc", "a-very-long-label-that-is-nobody-at-all.and.another.users"}

var diffTypes = []uint16{dns.TypeNAPTR, dns.TypeSRV, dns.TypeA, dns.TypeAAAA, dns.TypeTXT, dns.TypeNS, dns.TypeSOA}

func TestFastPathAnswersAsTheChain(t *testing.T) {
	b := newBoth(t)
	taken := map[uint16]int{}
	for _, name := range diffNames {
		for _, qtype := range diffTypes {
			for _, size := range []uint16{0, 100, 512, 1232, 4096} {
				m := new(dns.Msg)
				m.SetQuestion(dns.Fqdn(name+"."+diffOrigin), qtype)
				if name == "" {
					m.SetQuestion(diffOrigin, qtype)
				}
				m.RecursionDesired, m.CheckingDisabled = size != 512, size == 1232
				if size != 0 {
					m.SetEdns0(size, false)
				}
				datagram, err := m.Pack()
				if err != nil {
					t.Fatal(err)
				}
				for _, from := range froms {
					if b.compare(t, datagram, from) {
						taken[qtype]++
					} else if size == 4096 && name != "0.8.0.0.5.5.5.e164" && name != "homes" {
						t.Errorf("the fast path leaves %s %s to the chain", name, dns.TypeToString[qtype])
					}
				}
			}
		}
	}
	for _, qtype := range diffTypes {
		if taken[qtype] < len(diffNames)*9 {
			t.Errorf("%s: %d answered on the fast path", dns.TypeToString[qtype], taken[qtype])
		}
	}
}

// Whatever arrives, the fast path leaves it, or answers as the chain does.
func FuzzFastPath(f *testing.F) {
	for _, name := range diffNames {
		for i, qtype := range diffTypes {
			m := new(dns.Msg)
			m.SetQuestion(dns.Fqdn(name+"."+diffOrigin), qtype)
			if name == "" {
				m.SetQuestion(diffOrigin, qtype)
			}
			if i%2 == 1 {
				m.SetEdns0(1232, false)
			}
			b, err := m.Pack()
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b, i%3 == 0)
		}
	}
	b := newBoth(f)
	f.Fuzz(func(t *testing.T, datagram []byte, six bool) {
		from := froms[0]
		if six {
			from = froms[1]
		}
		b.compare(t, datagram, from)
	})
}
