package answer

import (
	"net/netip"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
)

// A copy of the zone has the glue that lies in it, and nothing of other zones.
func TestDelegatedIsInTheZone(t *testing.T) {
	ns := "ns.6.4.2.7.9.e164." + origin
	v := New(Config{Delegations: []Delegation{{Block: "97246", Servers: []NameServer{
		{Name: ns, Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.53")}},
		{Name: "ns.example.org.", Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.54")}}}}}}, view.New(view.Config{Origin: origin, Self: "pbx-a", TTL: 5 * time.Second}))
	v.SetSettled(true)
	var names []string
	for _, rr := range v.Delegated() {
		if !dns.IsSubDomain(origin, rr.Header().Name) {
			t.Errorf("a secondary gets %v", rr)
		}
		names = append(names, rr.Header().Name+dns.TypeToString[rr.Header().Rrtype])
	}
	if len(names) != 3 || names[2] != ns+"A" {
		t.Errorf("delegated are %v, want two NS and one A", names)
	}
	if res := v.Lookup("1.6.4.2.7.9.e164."+origin, dns.TypeNAPTR); !res.Referral || len(res.Extra) != 2 {
		t.Errorf("%v: want a referral with both addresses", res)
	}
}
