package primary

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
)

const flood = 20_000

// costs runs f and fails if it allocates more than some megabytes: copying all
// that has a name for each new one takes gigabytes.
func costs(t *testing.T, megabytes uint64, f func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	if used := (after.TotalAlloc - before.TotalAlloc) >> 20; used > megabytes {
		t.Errorf("%d MB were allocated, want at most %d", used, megabytes)
	}
}

func contacts(n int) (out []location.Binding) {
	for i := range n {
		out = append(out, binding("1001", uint64(i+1), uint64(i+1)))
	}
	return out
}

func numbers(t *testing.T, n int) (out []location.Binding) {
	t.Helper()
	for i := range n {
		b, err := location.Publish(location.Number, "97241110", location.Details{Target: location.AOR(fmt.Sprint("u", i))})
		if err != nil {
			t.Fatal(err)
		}
		b.Stamp = location.Stamp(i + 1)
		out = append(out, b)
	}
	return out
}

func changesOf(list []location.Binding) (out []location.Change) {
	for _, b := range list {
		out = append(out, location.Change{New: b})
	}
	return out
}

// The source refuses as many as the receivers would.
func TestPrimaryPublishesNoSurplus(t *testing.T) {
	p, v := newTestPrimary(t)
	list := numbers(t, flood)
	costs(t, 64, func() {
		err := p.Publish(func(*location.Store, *location.Publications) ([]location.Change, error) { return changesOf(list), nil })
		if !errors.Is(err, ErrUnpublishable) || !strings.Contains(err.Error(), "256") {
			t.Errorf("Publish of too many says %v", err)
		}
		accepted := 0
		for i := 0; i < 3000; i += 100 {
			if p.Publish(func(*location.Store, *location.Publications) ([]location.Change, error) {
				return changesOf(list[i : i+100]), nil
			}) == nil {
				accepted += 100
			}
		}
		if accepted != 200 {
			t.Errorf("%d were accepted, want 200", accepted)
		}
		p.Follow("directory", withSource(t, list[:flood], "directory"), nil)
	})
	if n := v.Home("pbx-a").Len(); n != location.MaxPerName {
		t.Errorf("%d published, want %d", n, location.MaxPerName)
	}
	if want := int64(flood - 56); p.LeftOut() != want {
		t.Errorf("%d left out, want %d", p.LeftOut(), want)
	}
	p.Follow("directory", nil, nil)
	costs(t, 64, func() {
		for range 2 {
			if _, err := p.Update(func(s *location.Store) []location.Change {
				var all []location.Contact
				for i := range flood {
					all = append(all, location.Contact{AOR: "Alice", Kind: location.PJSIP, URI: fmt.Sprint("sip:", i)})
				}
				return s.Sweep(location.PJSIP, location.List(all...))
			}); err != nil {
				t.Fatal(err)
			}
		}
	})
	if _, _, all := p.Snapshot(); len(all) != location.MaxPerName+200 || v.Home("pbx-a").Len() != len(all) || v.Home("pbx-a").Surplus() != 0 {
		t.Errorf("%d published, %d in the view, %d refused there", len(all), v.Home("pbx-a").Len(), v.Home("pbx-a").Surplus())
	}
}

func withSource(t *testing.T, list []location.Binding, by string) (out []location.Binding) {
	t.Helper()
	for _, b := range list {
		d := b.Info.Details()
		d.By = by
		d.Target += "x"
		b, err := location.Publish(b.Kind, string(b.AOR), d)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b)
	}
	return out
}

// A journal that holds more is cut to what the zone can have, at once and for
// good.
func TestJournalWithSurplus(t *testing.T) {
	dir := t.TempDir()
	j, _, err := OpenJournal(dir, "pbx-a", origin)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Append(record.Delta{From: 1, To: 2, Changes: changesOf(append(contacts(1000), numbers(t, 1000)...))}); err != nil {
		t.Fatal(err)
	}
	p, _, _ := openPrimary(t, dir)
	v, _, all := p.Snapshot()
	if len(all) != 2*location.MaxPerName || p.zone.(*view.Home).Len() != len(all) || p.LeftOut() != 2000-int64(len(all)) || v.Serial < 3 {
		t.Errorf("serial %d: %d bindings, %d in the view, %d left out", v.Serial, len(all), p.zone.(*view.Home).Len(), p.LeftOut())
	}
	if _, _, ok := p.Since(2); ok {
		t.Error("a secondary that has the surplus gets a step that does not take it away")
	}
	p, _, _ = openPrimary(t, dir)
	if _, _, all := p.Snapshot(); len(all) != 2*location.MaxPerName || p.LeftOut() != 0 {
		t.Errorf("%d bindings, %d left out after another start", len(all), p.LeftOut())
	}
}

// A source that exchanges all that a name has finds room for it.
func TestFullNameIsExchanged(t *testing.T) {
	p, v := newTestPrimary(t)
	list := withSource(t, numbers(t, 2*location.MaxPerName), "directory")
	p.Follow("directory", list[:location.MaxPerName], nil)
	p.Follow("directory", list[location.MaxPerName:], nil)
	if h := v.Home("pbx-a"); h.Len() != location.MaxPerName || p.LeftOut() != 0 || h.Surplus() != 0 || h.Len() != len(p.Published("directory")) {
		t.Errorf("%d bindings, %d left out, %d refused", h.Len(), p.LeftOut(), h.Surplus())
	}
}
