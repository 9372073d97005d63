package answer

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/miekg/dns"
)

// Whatever is asked, the answer packs, is authoritative for the zone, and
// says either data, or SOA.
func FuzzLookup(f *testing.F) {
	for _, a := range answers {
		f.Add(strings.TrimPrefix(a.qname+"."+origin, "."), uint16(dns.StringToType[a.qtype]))
	}
	f.Add(`\046.e164.fed.example.`, dns.TypeNAPTR)
	f.Add(`..e164.fed.example.`, dns.TypeNAPTR)
	f.Add(`_sip._udp..users.fed.example.`, dns.TypeSRV)
	v := newFacingView(&testing.T{})
	v.Home("pbx-b").Apply(record.Version{Epoch: "e", Serial: 3}, nil, []location.Change{bind("alice.smith", 3, 1)})
	f.Fuzz(func(t *testing.T, qname string, qtype uint16) {
		qname = strings.ToLower(qname)
		if _, ok := dns.IsDomainName(qname); !ok || !dns.IsSubDomain(origin, qname) || !dns.IsFqdn(qname) {
			return
		}
		for _, addr := range []string{"198.51.100.1", "10.9.0.1", "2001:db8::1"} {
			r := v.LookupFor(v.Client(netip.MustParseAddr(addr)), qname, qtype)
			m := new(dns.Msg)
			m.SetQuestion(qname, qtype)
			m.Answer, m.Ns, m.Extra, m.Compress = r.Answer, r.Ns, r.Extra, true
			if _, err := m.Pack(); err != nil {
				t.Fatalf("%q: answer does not pack: %v", qname, err)
			}
			if len(r.Answer) == 0 && (len(r.Ns) != 1 || r.Ns[0].Header().Rrtype != dns.TypeSOA) {
				t.Fatalf("%q: no data and no SOA", qname)
			}
			for _, rr := range r.Answer {
				if rr.Header().Name != qname || rr.Header().Rrtype != qtype && qtype != dns.TypeANY {
					t.Fatalf("%q %d answered with %v", qname, qtype, rr)
				}
			}
		}
	})
}

// What a peer sends is refused, or can be published and comes back the same.
func FuzzParseTXT(f *testing.F) {
	apex := record.HomeZone("pbx-b", origin)
	f.Add("1001.users."+apex, "v=1\x00k=pjsip\x00c=00000000000000ff\x00t=10")
	f.Add("alice.users."+apex, "v=1\x00k=iax2\x00c=00000000000000ff\x00u=Alice\x00new=key")
	f.Add(`x@h&PJSIP/trunk/900.users.`+apex, "v=1\x00k=pjsip\x00c=00000000000000ff")
	f.Add(apex, "v=1\x00a=192.0.2.1\x00sip=udp:5060\x00iax=4569\x00state=up")
	f.Add(apex, "v=1\x00a@10.0.0.0/8=10.0.0.1\x00sip@2001:db8::/32=tls:5061\x00iax@10.1.0.0/16=4569\x00a@0.0.0.0/0=::1")
	f.Fuzz(func(t *testing.T, owner, txt string) {
		rr := &dns.TXT{Hdr: dns.RR_Header{Name: owner, Rrtype: dns.TypeTXT, Class: dns.ClassINET}, Txt: strings.Split(txt, "\x00")}
		b, node, err := record.ParseTXT(rr, apex)
		if err != nil {
			return
		}
		if node != nil {
			if _, again, err := record.ParseTXT(record.NodeTXT(*node, apex, 5), apex); err != nil || !again.Equal(*node) {
				t.Fatalf("%v comes back as %v: %v", node, again, err)
			}
			record.NewHost(*node, origin, 5)
			return
		}
		if _, err := location.ParseAOR(string(b.AOR)); err != nil {
			t.Fatalf("took an AOR that must not be published: %v", err)
		}
		again, _, err := record.ParseTXT(record.TXT(b, apex, 5), apex)
		if err != nil || again != b {
			t.Fatalf("%v comes back as %v: %v", b, again, err)
		}
	})
}
