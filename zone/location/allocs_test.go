//go:build !race

package location

import (
	"fmt"
	"testing"
	"time"
)

// A listing takes one object for each contact that is new, and hardly any where all
// are known.
func TestSweepAllocates(t *testing.T) {
	list := make([]Contact, 5000)
	for i := range list {
		a := fmt.Sprintf("user-%d", i)
		list[i] = Contact{AOR: AOR(a), Kind: PJSIP, URI: "sip:" + a + "@192.0.2.7:5060;transport=tls", Expires: time.Unix(2e9, 0)}
	}
	listing := List(list...)
	var s *Store
	sweep := func() { s.Sweep(PJSIP, listing) }
	n := testing.AllocsPerRun(5, func() {
		s = NewStore(NewClock(time.Now), func(AOR) Stamp { return 0 })
		sweep()
	})
	if per := n / float64(len(list)); per > 1.1 || s.Len() != len(list) {
		t.Errorf("%.2f allocations for each of %d new contacts, want 1", per, s.Len())
	}
	if n := testing.AllocsPerRun(5, sweep); n > 5 {
		t.Errorf("%v allocations where nothing is new", n)
	}
}
