package answer

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
)

// text writes records one a line, with single spaces.
func text(rrs []dns.RR) string {
	var out []string
	for _, rr := range rrs {
		out = append(out, strings.Join(strings.Fields(rr.String()), " "))
	}
	return strings.Join(out, "\n")
}

const (
	u1001 = `1001.users.fed.example. 5 IN NAPTR 100 `
	toB   = `"!^.*$!sip:1001@pbx-b.nodes.fed.example!" .`
	toC   = `"!^.*$!sip:1001@pbx-c.nodes.fed.example!" .`
)

// The table of RRsets of a federation of three nodes: 1001 registered on
// pbx-b, later on pbx-c; alice.smith, +97231234000 and 1002 on pbx-a.
var answers = []struct{ name, qname, qtype, rcode, want string }{
	{"newest home first", "1001.users", "NAPTR", "NOERROR",
		u1001 + `10 "u" "E2U+sip" ` + toC + "\n" + u1001 + `10 "u" "E2U+pjsip" ` + toC + "\n" +
			u1001 + `20 "u" "E2U+sip" ` + toB + "\n" + u1001 + `20 "u" "E2U+pjsip" ` + toB},
	{"ENUM (RFC 6116 §3.2)", "0.0.0.4.3.2.1.3.2.7.9.e164", "NAPTR", "NOERROR",
		`0.0.0.4.3.2.1.3.2.7.9.e164.fed.example. 5 IN NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:+97231234000@pbx-a.nodes.fed.example!" .` + "\n" +
			`0.0.0.4.3.2.1.3.2.7.9.e164.fed.example. 5 IN NAPTR 100 10 "u" "E2U+pjsip" "!^.*$!sip:+97231234000@pbx-a.nodes.fed.example!" .` + "\n" +
			`0.0.0.4.3.2.1.3.2.7.9.e164.fed.example. 5 IN NAPTR 100 10 "u" "E2U+iax2" "!^.*$!iax2:fed@pbx-a.nodes.fed.example/+97231234000!" .`},
	{"a prefix is an empty non-terminal", "3.2.7.9.e164", "NAPTR", "NOERROR", ""},
	{"beyond the number", "1.0.0.0.4.3.2.1.3.2.7.9.e164", "NAPTR", "NXDOMAIN", ""},
	{"unknown number", "5.5.e164", "NAPTR", "NXDOMAIN", ""},
	{"not a digit", "x.e164", "NAPTR", "NXDOMAIN", ""},
	{"two digits in a label", "10.01.e164", "NAPTR", "NXDOMAIN", ""},
	{"number, other type", "1.0.0.1.e164", "A", "NOERROR", ""},
	{"the tree itself", "e164", "NAPTR", "NOERROR", ""},
	{"the tree of users", "users", "NAPTR", "NOERROR", ""},
	{"AOR of two labels", "alice.smith.users", "SRV", "NOERROR", ""},
	{"its upper label", "smith.users", "NAPTR", "NOERROR", ""},
	{"SRV leads home (RFC 3263 §4.2)", "_sip._udp.1001.users", "SRV", "NOERROR",
		"_sip._udp.1001.users.fed.example. 5 IN SRV 10 10 5060 pbx-c.nodes.fed.example.\n" +
			"_sip._udp.1001.users.fed.example. 5 IN SRV 20 10 5060 pbx-b.nodes.fed.example."},
	{"SRV of a service its home lacks", "_iax._udp.1001.users", "SRV", "NXDOMAIN", ""},
	{"above SRV", "_udp.1001.users", "SRV", "NOERROR", ""},
	{"SRV of nobody", "_sip._udp.4711.users", "SRV", "NXDOMAIN", ""},
	{"nobody", "4711.users", "NAPTR", "NXDOMAIN", ""},
	{"node address", "pbx-b.nodes", "A", "NOERROR", "pbx-b.nodes.fed.example. 5 IN A 192.0.2.2"},
	{"node address", "pbx-b.nodes", "AAAA", "NOERROR", "pbx-b.nodes.fed.example. 5 IN AAAA 2001:db8::2"},
	{"node NAPTR", "pbx-b.nodes", "NAPTR", "NOERROR",
		`pbx-b.nodes.fed.example. 5 IN NAPTR 100 10 "s" "SIP+D2U" "" _sip._udp.pbx-b.nodes.fed.example.` + "\n" +
			`pbx-b.nodes.fed.example. 5 IN NAPTR 100 20 "s" "SIP+D2T" "" _sip._tcp.pbx-b.nodes.fed.example.`},
	{"node SRV", "_sip._tcp.pbx-b.nodes", "SRV", "NOERROR",
		"_sip._tcp.pbx-b.nodes.fed.example. 5 IN SRV 10 10 5060 pbx-b.nodes.fed.example."},
	{"node TXT", "pbx-b.nodes", "TXT", "NOERROR", `pbx-b.nodes.fed.example. 5 IN TXT "node=pbx-b" "state=up"`},
	{"unknown node", "pbx-x.nodes", "A", "NXDOMAIN", ""},
	{"apex NAPTR", "", "NAPTR", "NOERROR", `fed.example. 5 IN NAPTR 100 10 "s" "SIP+D2U" "" _sip._udp.fed.example.` + "\n" +
		`fed.example. 5 IN NAPTR 100 20 "s" "SIP+D2T" "" _sip._tcp.fed.example.`},
	{"apex NS", "", "NS", "NOERROR", "fed.example. 5 IN NS pbx-a.nodes.fed.example.\n" +
		"fed.example. 5 IN NS pbx-b.nodes.fed.example.\nfed.example. 5 IN NS pbx-c.nodes.fed.example."},
	{"apex IAX", "_iax._udp", "SRV", "NOERROR", "_iax._udp.fed.example. 5 IN SRV 10 10 4569 pbx-a.nodes.fed.example."},
	{"above apex SRV", "_udp", "SRV", "NOERROR", ""},
	{"ANY is one RRset (RFC 8482 §4.1)", "_iax._udp", "ANY", "NOERROR", "_iax._udp.fed.example. 5 IN SRV 10 10 4569 pbx-a.nodes.fed.example."},
	{"ANY of nobody", "4711.users", "ANY", "NXDOMAIN", ""},
	{"home zones are hidden", "homes", "NS", "NXDOMAIN", ""},
	{"home zones are hidden", "pbx-a.homes", "SOA", "NXDOMAIN", ""},
	{"home zones are hidden", "1001.users.pbx-b.homes", "TXT", "NXDOMAIN", ""},
	{"nothing else", "www", "A", "NXDOMAIN", ""},
}

func TestLookup(t *testing.T) {
	v := newTestView(t, Newest)
	v.Home("pbx-b").Apply(record.Version{Epoch: "e", Serial: 2}, nil, []location.Change{bind("1001", 1, 100)})
	v.Home("pbx-c").Apply(record.Version{Epoch: "e", Serial: 2}, nil, []location.Change{bind("1001", 2, 200)})
	v.Home("pbx-a").Apply(record.Version{Epoch: "e", Serial: 2}, nil, []location.Change{bind("alice.smith", 3, 1), bind("+97231234000", 4, 1), bind("1002", 5, 1)})
	for _, a := range answers {
		t.Run(a.qname+"/"+a.qtype, func(t *testing.T) {
			r := v.Lookup(strings.TrimPrefix(a.qname+"."+origin, "."), dns.StringToType[a.qtype])
			if got := dns.RcodeToString[r.Rcode]; got != a.rcode {
				t.Errorf("%s: rcode %s, want %s", a.name, got, a.rcode)
			}
			if got := text(r.Answer); got != a.want {
				t.Errorf("%s:\n%s\nwant\n%s", a.name, got, a.want)
			}
			if a.want == "" && (len(r.Ns) != 1 || r.Ns[0].Header().Rrtype != dns.TypeSOA || r.Ns[0].(*dns.SOA).Minttl != 5) {
				t.Errorf("%s: authority is %v, want the SOA with minimum 5 (RFC 2308 §3)", a.name, r.Ns)
			}
		})
	}
}

// An orphan stays before an older registration, which its user has left, and
// ranks last where not the time of a REGISTER decides.
func TestReachHidesAndDemotes(t *testing.T) {
	type step struct {
		h    string
		r    view.Reach
		want string
	}
	for _, c := range []struct {
		name  string
		order Order
		b, c  uint64 // stamps
		steps []step
	}{
		{"the orphan is newer", Newest, 100, 200, []step{{"pbx-c", view.Orphan, "pbx-c"}, {"pbx-c", view.Gone, "pbx-b"},
			{"pbx-b", view.Gone, "NXDOMAIN"}, {"pbx-c", view.Orphan, "pbx-c"}, {"pbx-b", view.Alive, "pbx-c"}}},
		{"the orphan is older", Newest, 200, 100, []step{{"pbx-c", view.Orphan, "pbx-b"}, {"pbx-b", view.Gone, "pbx-c"}, {"pbx-b", view.Alive, "pbx-b"}}},
		{"neither was seen to register", Newest, 0, 0, []step{{"pbx-b", view.Orphan, "pbx-c"}, {"pbx-c", view.Orphan, "pbx-b"}}},
		{"nearest", Nearest, 200, 100, []step{{"pbx-b", view.Orphan, "pbx-c"}, {"pbx-c", view.Gone, "pbx-b"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			testReach(t, c.order, c.b, c.c, func(first func(string, view.Reach) string) {
				for i, s := range c.steps {
					if got := first(s.h, s.r); got != s.want {
						t.Errorf("step %d: first home is %s, want %s", i, got, s.want)
					}
				}
			})
		})
	}
}

func testReach(t *testing.T, o Order, stampB, stampC uint64, steps func(func(string, view.Reach) string)) {
	v := newTestView(t, o)
	v.Home("pbx-b").Apply(record.Version{Epoch: "e", Serial: 2}, nil, []location.Change{bind("1001", 1, stampB)})
	v.Home("pbx-c").Apply(record.Version{Epoch: "e", Serial: 2}, nil, []location.Change{bind("1001", 2, stampC)})
	steps(func(home string, r view.Reach) string {
		v.Home(home).SetReach(r)
		res := v.Lookup("1001.users."+origin, dns.TypeNAPTR)
		if len(res.Answer) == 0 {
			return dns.RcodeToString[res.Rcode]
		}
		uri := res.Answer[0].(*dns.NAPTR).Regexp
		return uri[strings.Index(uri, "@")+1:][:5]
	})
}

func TestGoneHidesNames(t *testing.T) {
	v := newTestView(t, Newest)
	b, c := v.Home("pbx-b"), v.Home("pbx-c")
	b.Apply(record.Version{Epoch: "e", Serial: 2}, nil, []location.Change{bind("1001", 1, 100), bind("1009", 3, 1)})
	c.Apply(record.Version{Epoch: "e", Serial: 2}, nil, []location.Change{bind("1001", 2, 200)})
	b.SetReach(view.Gone)
	for _, q := range []string{"1009.users.", "9.0.0.1.e164.", "_sip._udp.1009.users."} {
		if r := v.Lookup(q+origin, dns.TypeNAPTR); r.Rcode != dns.RcodeNameError {
			t.Errorf("%s is %s while its home is gone, want NXDOMAIN", q, dns.RcodeToString[r.Rcode])
		}
	}
	if r := v.Lookup("0.1.e164."+origin, dns.TypeNAPTR); r.Rcode != dns.RcodeSuccess {
		t.Error("the prefix of a number that lives on must exist")
	}
}

func TestUnsettledIsServfailNotAbsent(t *testing.T) {
	v := newTestView(t, Newest)
	v.SetSettled(false)
	v.Home("pbx-b").Apply(record.Version{Epoch: "e", Serial: 2}, nil, []location.Change{bind("1001", 1, 100)})
	if r := v.Lookup("1002.users."+origin, dns.TypeNAPTR); r.Rcode != dns.RcodeServerFailure {
		t.Errorf("unknown name is %s, want SERVFAIL", dns.RcodeToString[r.Rcode])
	}
	if r := v.Lookup("1001.users."+origin, dns.TypeNAPTR); len(r.Answer) != 2 {
		t.Errorf("known name has %d records, want 2", len(r.Answer))
	}
}

func TestOrder(t *testing.T) {
	v := newTestView(t, Nearest)
	for i, n := range []string{"pbx-b", "pbx-c"} {
		v.Home(n).Apply(record.Version{Epoch: "e", Serial: 2}, nil, []location.Change{bind("1001", uint64(i), uint64(100*i+1))})
	}
	v.Home("pbx-b").SetDistance(3 * time.Millisecond)
	v.Home("pbx-c").SetDistance(80 * time.Millisecond)
	host := func() string {
		return v.Lookup("_sip._udp.1001.users."+origin, dns.TypeSRV).Answer[0].(*dns.SRV).Target[:5]
	}
	if got := host(); got != "pbx-b" {
		t.Errorf("nearest is %s, want pbx-b", got)
	}
	v.order = All
	var seen []string
	for range 8 {
		if h := host(); !slices.Contains(seen, h) {
			seen = append(seen, h)
		}
	}
	if len(seen) != 2 {
		t.Errorf("equal homes do not take turns: first was always %v", seen)
	}
}

// Whatever the order of arrival, every node ranks alike.
func TestClaimsCommute(t *testing.T) {
	changes := []struct {
		node  string
		c, st uint64
	}{{"pbx-a", 1, 5}, {"pbx-b", 2, 5}, {"pbx-c", 3, 9}, {"pbx-b", 4, 0}, {"pbx-a", 5, 7}}
	var want string
	permute(len(changes), func(p []int) {
		v := newTestView(t, Newest)
		for _, i := range p {
			c := changes[i]
			v.Home(c.node).Apply(record.Version{Epoch: "e", Serial: 2}, nil, []location.Change{bind("1001", c.c, c.st), bind("1001", c.c, c.st)})
		}
		got := text(v.Lookup("1001.users."+origin, dns.TypeNAPTR).Answer)
		if want == "" {
			want = got
		}
		if got != want {
			t.Fatalf("order %v answers\n%s\nwant\n%s", p, got, want)
		}
	})
}

func permute(n int, f func([]int)) {
	p := make([]int, n)
	for i := range p {
		p[i] = i
	}
	var rec func(int)
	rec = func(k int) {
		if k == n {
			f(p)
			return
		}
		for i := k; i < n; i++ {
			p[k], p[i] = p[i], p[k]
			rec(k + 1)
			p[k], p[i] = p[i], p[k]
		}
	}
	rec(0)
}

// A peer that names thousands of addresses cannot make the answers of all too
// large to send.
func TestNodeIsBounded(t *testing.T) {
	apex := record.HomeZone("pbx-b", origin)
	txt := []string{"v=1", "state=up"}
	for i := range record.MaxAddrs + 1 {
		if _, _, err := record.ParseTXT(&dns.TXT{Hdr: dns.RR_Header{Name: apex}, Txt: txt}, apex); err != nil {
			t.Errorf("%d addresses: %v", i, err)
		}
		txt = append(txt, "a=192.0.2."+string(rune('1'+i)))
	}
	if _, _, err := record.ParseTXT(&dns.TXT{Hdr: dns.RR_Header{Name: apex}, Txt: txt}, apex); err == nil {
		t.Errorf("%d addresses were taken", record.MaxAddrs+1)
	}
}

// A node that drains is called last, and is no place to register at unless
// there is no other.
func TestDraining(t *testing.T) {
	v := newTestView(t, Newest)
	b, c := v.Home("pbx-b"), v.Home("pbx-c")
	b.Apply(record.Version{Epoch: "e", Serial: 2}, nil, []location.Change{bind("1001", 1, 100)})
	n, _ := c.Node()
	n.State = record.Draining
	c.Apply(record.Version{Epoch: "e", Serial: 2}, &n, []location.Change{bind("1001", 2, 200), bind("1003", 3, 1)})
	hosts := func(qname string, qtype uint16) string {
		var out []string
		for _, rr := range v.Lookup(qname+origin, qtype).Answer {
			for _, h := range []string{"pbx-a", "pbx-b", "pbx-c"} {
				if !slices.Contains(out, h) && strings.Contains(rr.String(), h) {
					out = append(out, h)
				}
			}
		}
		return strings.Join(out, " ")
	}
	if got := hosts("1001.users.", dns.TypeNAPTR); got != "pbx-b pbx-c" {
		t.Errorf("a user of both is called at %q", got)
	}
	if got := hosts("1003.users.", dns.TypeNAPTR); got != "pbx-c" {
		t.Errorf("a user of the one that drains is called at %q", got)
	}
	if got := hosts("_sip._udp.", dns.TypeSRV); strings.Contains(got, "pbx-c") || got == "" {
		t.Errorf("phones register at %q", got)
	}
	v.Home("pbx-a").SetReach(view.Gone)
	b.SetReach(view.Gone)
	if got := hosts("_sip._udp.", dns.TypeSRV); got != "pbx-c" {
		t.Errorf("phones register at %q when no other node is left", got)
	}
}
