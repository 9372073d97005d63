//go:build !race

package registrations

import "testing"

// A contact that is new takes three objects: the texts of its AOR and its URI,
// and a user. One that is known takes none, but for the list that is passed on
// and the blocks that rows stand in.
func TestListingAllocates(t *testing.T) {
	l := newListing(5000)
	first := testing.AllocsPerRun(3, func() {
		l.restart()
		l.take(t)
	})
	again := testing.AllocsPerRun(3, func() { l.take(t) })
	if per := first / 5000; per > 3.1 {
		t.Errorf("%.2f allocations for each new contact, want 3", per)
	}
	if again > 100 {
		t.Errorf("%v allocations where all 5000 contacts are known, want 100 at most", again)
	}
}
