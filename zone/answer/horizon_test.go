package answer

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
)

// facingNode is a node behind NAT that a LAN, a narrower LAN within it and one
// IPv6 network see from inside.
var facingNode = []string{"v=1", "a=203.0.113.7", "sip=udp:5070", "sip=tcp:5070", "iax=4579",
	"a@10.0.0.0/8=10.0.0.1", "sip@10.0.0.0/8=udp:5060", "iax@10.0.0.0/8=4569",
	"a@10.9.0.0/16=10.9.0.1", "a@10.9.0.0/16=2001:db8::9",
	"sip@2001:db8::/32=tls:5061", "future@10.0.0.0/8=x", "state=up"}

func newFacingView(t *testing.T) *Zone {
	t.Helper()
	v := newTestView(t, Newest)
	n, _, err := record.ParseNode("pbx-b", facingNode)
	if err != nil {
		t.Fatal(err)
	}
	v.Home("pbx-b").Apply(record.Version{Epoch: "e", Serial: 2}, &n, []location.Change{bind("1001", 1, 100)})
	return v
}

func TestAnswersDependOnTheAsker(t *testing.T) {
	v := newFacingView(t)
	for _, tt := range []struct{ asker, qname, qtype, want string }{
		{"198.51.100.1", "pbx-b.nodes", "A", "203.0.113.7"},
		{"10.1.2.3", "pbx-b.nodes", "A", "10.0.0.1"},
		{"::ffff:10.1.2.3", "pbx-b.nodes", "A", "10.0.0.1"},
		{"10.9.2.3", "pbx-b.nodes", "A", "10.9.0.1"},
		{"10.9.2.3", "pbx-b.nodes", "AAAA", "2001:db8::9"},
		{"10.1.2.3", "pbx-b.nodes", "AAAA", "NODATA"},
		{"2001:db8::5", "pbx-b.nodes", "A", "203.0.113.7"},
		{"10.1.2.3", "pbx-c.nodes", "A", "192.0.2.3"},
		{"198.51.100.1", "_sip._udp.pbx-b.nodes", "SRV", "10 10 5070 pbx-b.nodes.fed.example. + 203.0.113.7"},
		{"10.1.2.3", "_sip._udp.pbx-b.nodes", "SRV", "10 10 5060 pbx-b.nodes.fed.example. + 10.0.0.1"},
		{"10.9.2.3", "_sip._udp.pbx-b.nodes", "SRV", "10 10 5060 pbx-b.nodes.fed.example. + 10.9.0.1 2001:db8::9"},
		{"10.1.2.3", "_sip._tcp.pbx-b.nodes", "SRV", "NXDOMAIN"},
		{"2001:db8::5", "_sips._tcp.pbx-b.nodes", "SRV", "10 10 5061 pbx-b.nodes.fed.example. + 203.0.113.7"},
		{"198.51.100.1", "_iax._udp.1001.users", "SRV", "10 10 4579 pbx-b.nodes.fed.example. + 203.0.113.7"},
		{"10.9.2.3", "_iax._udp.1001.users", "SRV", "10 10 4569 pbx-b.nodes.fed.example. + 10.9.0.1 2001:db8::9"},
		{"10.1.2.3", "pbx-b.nodes", "NAPTR", `100 10 "s" "SIP+D2U" "" _sip._udp.pbx-b.nodes.fed.example.`},
		{"2001:db8::5", "pbx-b.nodes", "NAPTR", `100 30 "s" "SIPS+D2T" "" _sips._tcp.pbx-b.nodes.fed.example.`},
		{"2001:db8::5", "_sips._tcp", "SRV", "10 10 5061 pbx-b.nodes.fed.example. + 203.0.113.7"},
		{"2001:db8::5", "_sips._tcp.1001.users", "SRV", "10 10 5061 pbx-b.nodes.fed.example. + 203.0.113.7"},
		{"10.1.2.3", "_sips._tcp", "SRV", "NXDOMAIN"},
		{"10.1.2.3", "_tcp.1001.users", "SRV", "NXDOMAIN"},
		{"2001:db8::5", "_tcp.1001.users", "SRV", "NODATA"},
		{"10.9.2.3", "", "NS", "pbx-a.nodes.fed.example. pbx-b.nodes.fed.example. pbx-c.nodes.fed.example. + " +
			"192.0.2.1 2001:db8::1 10.9.0.1 2001:db8::9 192.0.2.3 2001:db8::3"},
	} {
		qname := strings.TrimPrefix(tt.qname+"."+origin, ".")
		r := v.LookupFor(v.Client(netip.MustParseAddr(tt.asker)), qname, dns.StringToType[tt.qtype])
		if got := rdata(r); got != tt.want {
			t.Errorf("%s asks %s %s:\n got %s\nwant %s", tt.asker, qname, tt.qtype, got, tt.want)
		}
	}
}

// rdata is what an answer says, without owners and types.
func rdata(r Result) string {
	var out []string
	for _, rr := range r.Answer {
		out = append(out, strings.TrimPrefix(rr.String(), rr.Header().String()))
	}
	if r.Rcode == dns.RcodeNameError {
		return "NXDOMAIN"
	}
	if len(out) == 0 {
		return "NODATA"
	}
	if len(r.Extra) > 0 {
		out = append(out, "+")
	}
	for _, rr := range r.Extra {
		out = append(out, strings.TrimPrefix(rr.String(), rr.Header().String()))
	}
	return strings.Join(out, " ")
}

func TestTypesDependOnTheAsker(t *testing.T) {
	v := newFacingView(t)
	for asker, want := range map[string][]uint16{
		"198.51.100.1": {dns.TypeA, dns.TypeTXT, dns.TypeNAPTR},
		"10.9.0.7":     {dns.TypeA, dns.TypeTXT, dns.TypeAAAA, dns.TypeNAPTR},
	} {
		if got, _ := v.Types(v.Client(netip.MustParseAddr(asker)), "pbx-b.nodes."+origin); !slices.Equal(got, want) {
			t.Errorf("%s: types %v, want %v", asker, got, want)
		}
	}
}

func TestFacingComesBackFromItsRecord(t *testing.T) {
	n, _, err := record.ParseNode("pbx-b", facingNode)
	if err != nil {
		t.Fatal(err)
	}
	want := slices.DeleteFunc(slices.Clone(facingNode), func(s string) bool { return strings.HasPrefix(s, "future") })
	got := n.Strings()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	again, _, err := record.ParseNode("pbx-b", n.Strings())
	if err != nil || !again.Equal(n) {
		t.Errorf("%v comes back as %v: %v", n, again, err)
	}
}

func TestBadFacingIsRefused(t *testing.T) {
	many := []string{"v=1"}
	for i := range record.MaxHorizons + 1 {
		many = append(many, fmt.Sprintf("iax@10.%d.0.0/16=4569", i))
	}
	addrs, ports := []string{"v=1"}, []string{"v=1"}
	for i := range record.MaxAddrs + 1 {
		addrs = append(addrs, fmt.Sprintf("a@10.0.0.0/8=10.0.0.%d", i+1))
		ports = append(ports, fmt.Sprintf("sip=udp:%d", i+1))
	}
	for _, txt := range [][]string{many, addrs, ports,
		{"v=1", "a@10.0.0.1/8=10.0.0.1"},        // bits behind the network
		{"v=1", "a@10.0.0.0/33=10.0.0.1"},       // too long
		{"v=1", "a@=10.0.0.1"},                  // no network
		{"v=1", "a@::ffff:10.0.0.0/104=::1"},    // IPv4 in the form of IPv6
		{"v=1", "a@10.0.0.0/8=0.0.0.0"},         // leads nowhere
		{"v=1", "a@10.0.0.0/8=fe80::1%eth0"},    // of the other machine
		{"v=1", "sip@10.0.0.0/8=sctp:5060"},     // no such transport
		{"v=1", "iax@10.0.0.0/8=65536"},         // no port
		{"v=1", "a=0.0.0.0"}, {"v=1", "iax=-1"}, // for everybody
	} {
		if n, _, err := record.ParseNode("pbx-b", txt); err == nil {
			t.Errorf("%q is taken: %v", txt, n)
		}
	}
}

// A question of this machine itself is answered as its own address is.
func TestLoopbackAsksAsThisNode(t *testing.T) {
	v := New(Config{}, view.New(view.Config{Origin: origin, Self: "pbx-a", Addr: netip.MustParseAddr("10.1.0.1")}))
	lo := netip.MustParseAddr("127.0.0.1")
	if a := v.Client(lo); a != (record.Client{}) {
		t.Fatalf("without networks: %v", a)
	}
	tell := func(net string) {
		n := record.Node{Horizons: []record.Horizon{{Net: netip.MustParsePrefix(net), IAX: 4569}}}
		v.Home("pbx-b").Apply(record.Version{Epoch: "e", Serial: 2}, &n, nil)
	}
	tell("10.0.0.0/8")
	if a := v.Client(lo); a.Net.String() != "10.0.0.0/8" {
		t.Errorf("loopback asks as %v", a)
	}
	if a := v.Client(netip.IPv6Loopback()); a.Net.String() != "10.0.0.0/8" {
		t.Errorf("IPv6 loopback asks as %v", a)
	}
	tell("127.0.0.0/30")
	if a := v.Client(lo); a.Net.String() != "127.0.0.0/30" {
		t.Errorf("loopback asks as %v", a)
	}
	if a := v.Client(netip.Addr{}); a != (record.Client{}) {
		t.Errorf("no address asks as %v", a)
	}
	v.Home("pbx-b").Apply(record.Version{Epoch: "e", Serial: 3}, &record.Node{}, nil)
}

// For random nodes and askers, each node shows what its longest network that
// holds the asker's address has, each of addresses, SIP and IAX2 by itself.
func TestLongestNetworkWins(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 6))
	addr := func() netip.Addr {
		if r.IntN(2) == 0 {
			return netip.AddrFrom4([4]byte{10, byte(r.IntN(3)), byte(r.IntN(3)), byte(r.IntN(3))})
		}
		return netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 15: byte(r.IntN(4))})
	}
	for range 300 {
		v := newTestView(t, Newest)
		nodes := map[string]record.Node{}
		for i, name := range []string{"pbx-a", "pbx-b", "pbx-c"} {
			n := record.Node{Name: name, State: record.Up, Addrs: []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})}, SIP: []record.Transport{{Proto: "udp", Port: 5060}}}
			for k := range r.IntN(6) {
				a := addr()
				net, _ := a.Prefix(r.IntN(a.BitLen() + 1))
				f := n.Horizon(net)
				if r.IntN(2) == 0 {
					f.Addrs = []netip.Addr{netip.AddrFrom4([4]byte{198, 51, byte(i), byte(k)})}
				}
				if r.IntN(2) == 0 {
					f.SIP = []record.Transport{{Proto: "udp", Port: uint16(6000 + k)}}
				}
				if r.IntN(2) == 0 {
					f.IAX = uint16(7000 + k)
				}
			}
			nodes[name] = n
			v.Home(name).Apply(record.Version{Epoch: "e", Serial: 2}, &n, nil)
		}
		for range 20 {
			a := addr()
			for name, n := range nodes {
				addrs, sip, iax := n.Addrs, n.SIP, n.IAX
				best := [3]int{-1, -1, -1}
				for _, f := range n.Horizons {
					if !f.Net.Contains(a) {
						continue
					}
					if bits := f.Net.Bits(); len(f.Addrs) > 0 && bits > best[0] {
						addrs, best[0] = f.Addrs, bits
					}
					if bits := f.Net.Bits(); len(f.SIP) > 0 && bits > best[1] {
						sip, best[1] = f.SIP, bits
					}
					if bits := f.Net.Bits(); f.IAX != 0 && bits > best[2] {
						iax, best[2] = f.IAX, bits
					}
				}
				want := fmt.Sprintf("10 10 %d %s.nodes.fed.example. + %s", sip[0].Port, name, addrs[0])
				if got := rdata(v.LookupFor(v.Client(a), "_sip._udp."+name+".nodes."+origin, dns.TypeSRV)); got != want {
					t.Fatalf("%s asks for %v:\n got %s\nwant %s", a, n.Strings(), got, want)
				}
				want = "NXDOMAIN"
				if iax != 0 {
					want = fmt.Sprintf("10 10 %d %s.nodes.fed.example. + %s", iax, name, addrs[0])
				}
				if got := rdata(v.LookupFor(v.Client(a), "_iax._udp."+name+".nodes."+origin, dns.TypeSRV)); got != want {
					t.Fatalf("%s asks for %v:\n got %s\nwant %s", a, n.Strings(), got, want)
				}
			}
		}
	}
}

func TestAskerAllocatesNothing(t *testing.T) {
	a, b := newTestView(t, Newest), newFacingView(t)
	addr := netip.MustParseAddr("10.9.0.1")
	if n := testing.AllocsPerRun(100, func() { a.Client(addr); b.Client(addr) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
