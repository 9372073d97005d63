package primary

import (
	"log/slog"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
)

// TestFollow: what a source sees is published, and no more; what stays keeps
// its stamp, and what others publish is theirs.
func TestFollow(t *testing.T) {
	p := New(Config{Zone: newTestView(t).Own(), Clock: location.NewClock(time.Now), Node: record.Node{Name: "pbx-a"}})
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

// crowded returns a primary with so many names of a directory, and a room.
func crowded(t testing.TB, entries int) (*Primary, []location.Binding) {
	p := New(Config{Zone: answer.New(answer.Config{}, view.New(view.Config{Origin: origin, Self: "pbx-a"})).Own(), Clock: location.NewClock(time.Now), Node: record.Node{Name: "pbx-a"},
		Logger: slog.New(slog.DiscardHandler)})
	publish := func(k location.Kind, name, by string) location.Binding {
		b, err := location.Publish(k, name, location.Details{By: by})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	var all []location.Binding
	for i := range entries {
		all = append(all, publish(location.Entry, scaleUser(i), "directory"))
	}
	rooms := []location.Binding{publish(location.Conference, "500", "rooms")}
	if n := p.Follow("directory", all, nil) + p.Follow("rooms", rooms, nil); n != entries+1 {
		t.Fatalf("%d changes, want %d", n, entries+1)
	}
	return p, rooms
}

// What a source sees costs what it sees, not what others publish.
func TestFollowTakesNoMemoryForOthers(t *testing.T) {
	p, rooms := crowded(t, 5000)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 100 {
		p.Follow("rooms", rooms, nil)
	}
	runtime.ReadMemStats(&after)
	if n := (after.TotalAlloc - before.TotalAlloc) / 100; n > 8<<10 { // the others' bindings are 240 kB
		t.Errorf("%d octets where nothing is new, want a few hundred", n)
	}
}

// BenchmarkFollow finds that a room is still there, beside 100,000 names of a
// directory.
func BenchmarkFollow(b *testing.B) {
	p, rooms := crowded(b, 100_000)
	b.ReportAllocs()
	for b.Loop() {
		p.Follow("rooms", rooms, nil)
	}
}
