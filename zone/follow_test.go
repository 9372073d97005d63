package zone

import (
	"slices"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/location"
)

// TestFollow: what a source sees is published, and no more; what stays keeps
// its stamp, and what others publish is theirs.
func TestFollow(t *testing.T) {
	p := NewPrimary(PrimaryConfig{View: newTestView(t, Newest), Clock: location.NewClock(time.Now), Node: Node{Name: "pbx-a"}})
	room := func(name, by string, cost uint16) location.Binding {
		b, err := location.Publish(location.Conference, name, location.Details{By: by, Cost: cost})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	next := location.Stamp(0)
	stamp := func(location.Binding) location.Stamp { next++; return next }
	see := func(changes int, want ...location.Binding) {
		t.Helper()
		serial := p.Version().Serial
		if n := p.Follow("rooms", want, stamp); n != changes {
			t.Errorf("%d changes, want %d", n, changes)
		}
		if moved := p.Version().Serial - serial; moved != uint32(min(changes, 1)) {
			t.Errorf("%d versions for %d changes", moved, changes)
		}
	}
	stamps := func() (out []location.Stamp) {
		for _, b := range p.Published("rooms") {
			out = append(out, b.Stamp)
		}
		slices.Sort(out)
		return out
	}
	p.Follow("other", []location.Binding{room("700", "other", 0)}, nil)
	see(2, room("500", "rooms", 0), room("600", "rooms", 0))
	see(0, room("500", "rooms", 0), room("600", "rooms", 0), room("700", "rooms", 0))
	see(3, room("500", "rooms", 7), room("501", "rooms", 0))
	if got := stamps(); !slices.Equal(got, []location.Stamp{1, 3}) {
		t.Errorf("stamps %v", got)
	}
	see(2)
	if n := len(p.Published("other")); n != 1 {
		t.Errorf("%d of another source, want 1", n)
	}
}
