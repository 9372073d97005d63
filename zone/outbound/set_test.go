package outbound

import (
	"fmt"
	"testing"

	"github.com/asterfed/asterfed/zone/record"
	"github.com/miekg/dns"
)

// No RRset of a transfer has more than 100 records, whatever a view returns: a
// secondary would refuse the whole zone.
func TestSetsAreBounded(t *testing.T) {
	var rrs []dns.RR
	for i := range 250 {
		for _, text := range []string{fmt.Sprintf(`1001.users.fed.example. 5 IN TXT "%d"`, i), fmt.Sprintf("_sip._udp.1001.users.fed.example. 5 IN SRV 10 10 5060 pbx-%d.nodes.fed.example.", i)} {
			rr, err := dns.NewRR(text)
			if err != nil {
				t.Fatal(err)
			}
			rrs = append(rrs, rr)
		}
	}
	s, err := newSet("1001.users", origin, "1001", rrs)
	if err == nil {
		t.Error("nothing says that records are left out")
	}
	counts := map[uint16]int{}
	for _, r := range s.records() {
		counts[r.rtype]++
	}
	if len(counts) != 2 || counts[dns.TypeTXT] != record.MaxRRset || counts[dns.TypeSRV] != record.MaxRRset {
		t.Errorf("the set has %v, want %d of each", counts, record.MaxRRset)
	}
	if _, err := newSet("1001.users", origin, "1001", rrs[:2*record.MaxRRset]); err != nil {
		t.Errorf("%d records of each: %v", record.MaxRRset, err)
	}
}
