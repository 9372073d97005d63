//go:build !race

package location

import (
	"fmt"
	"runtime"
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

// A contact that has been listed takes 96 octets beside its AOR, and its place in
// the table. Its URI is not kept: nobody has a use for it.
func TestMemoryOfAContact(t *testing.T) {
	const users = 100_000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s := NewStore(NewClock(time.Now), func(AOR) Stamp { return 0 })
	s.Sweep(PJSIP, Listing{users, func(yield func(Contact) bool) {
		for i := range users {
			a := fmt.Sprintf("9723%07d", i)
			if !yield(Contact{AOR: AOR(a), Kind: PJSIP, URI: "sip:" + a + "@192.0.2.7:5060;transport=tls", Expires: time.Unix(2e9, 0)}) {
				return
			}
		}
	}})
	runtime.GC()
	runtime.ReadMemStats(&after)
	per := float64(after.HeapAlloc-before.HeapAlloc) / users
	t.Logf("%.0f octets for each contact", per)
	if per > 150 {
		t.Errorf("%.0f octets for each of %d contacts, want 150 at most", per, users)
	}
	runtime.KeepAlive(s)
}
