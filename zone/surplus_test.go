package zone

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/miekg/dns"
)

const flood = 20_000

// costs runs f and fails if it allocates more than some megabytes: copying all
// claims of a name for each new one takes gigabytes.
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

// A home that claims one name very often gets as many claims as any home may
// have, whichever way they come, and costs no more than as many names would.
func TestManyClaimsOfOneName(t *testing.T) {
	for name, list := range map[string][]location.Binding{"contacts": contacts(flood), "numbers": numbers(t, flood)} {
		for way, f := range map[string]func(*Home){
			"filled":  func(h *Home) { h.Replace(record.Version{Epoch: "e", Serial: 1}, nil, list) },
			"applied": func(h *Home) { h.Apply(record.Version{Epoch: "e", Serial: 1}, nil, changesOf(list)) },
			"replaced": func(h *Home) {
				h.Replace(record.Version{Epoch: "e", Serial: 1}, nil, list[:1])
				h.Replace(record.Version{Epoch: "e", Serial: 2}, nil, list)
			},
			"one by one": func(h *Home) {
				for i, c := range changesOf(list) {
					h.Apply(record.Version{Epoch: "e", Serial: uint32(i)}, nil, []location.Change{c})
				}
			},
		} {
			t.Run(name+" "+way, func(t *testing.T) {
				v := newTestView(t, Newest)
				var told int
				v.onSurplus = func(home string, b location.Binding) {
					if told++; home != "pbx-b" {
						t.Errorf("told of %s", home)
					}
				}
				h := v.Home("pbx-b")
				costs(t, 64, func() { f(h) })
				if h.Len() != location.MaxPerName || told != flood-location.MaxPerName || h.Surplus() != int64(told) {
					t.Errorf("%d bindings, %d counted, %d told: want %d bindings, and all others counted and told", h.Len(), h.Surplus(), told, location.MaxPerName)
				}
				if n := len(h.Bindings()); n != location.MaxPerName {
					t.Errorf("%d bindings are listed", n)
				}
				// One that goes makes room for one that comes; one that is there can change.
				there := h.Bindings()[0]
				newer := there
				newer.Stamp += 100_000
				h.Apply(record.Version{Epoch: "e", Serial: 2}, nil, []location.Change{{Old: there, New: newer}})
				h.Apply(record.Version{Epoch: "e", Serial: 3}, nil, []location.Change{{Old: newer}, {New: list[flood-1]}})
				if h.Len() != location.MaxPerName || h.Surplus() != int64(told) {
					t.Errorf("%d bindings, %d refused after one was exchanged", h.Len(), h.Surplus())
				}
				// The name is another home's, too.
				v.Home("pbx-c").Apply(record.Version{Epoch: "e", Serial: 2}, nil, []location.Change{{New: list[0]}})
				if v.Home("pbx-c").Len() != 1 {
					t.Error("one home's claims took the room of another's")
				}
			})
		}
	}
}

// All that a name has can be exchanged for as much, in whatever order it is told.
func TestFullNameIsExchanged(t *testing.T) {
	all := contacts(2 * location.MaxPerName)
	old, next := all[:location.MaxPerName], all[location.MaxPerName:]
	for way, f := range map[string]func(*Home){
		"replaced": func(h *Home) { h.Replace(record.Version{Epoch: "e", Serial: 2}, nil, next) },
		"applied": func(h *Home) {
			changes := changesOf(next)
			for _, b := range old {
				changes = append(changes, location.Change{Old: b})
			}
			h.Apply(record.Version{Epoch: "e", Serial: 2}, nil, changes)
		},
	} {
		v := newTestView(t, Newest)
		h := v.Home("pbx-b")
		h.Replace(record.Version{Epoch: "e", Serial: 1}, nil, old)
		f(h)
		if h.Len() != location.MaxPerName || h.Surplus() != 0 || v.names.load("1001").claims()[0].b != all[len(all)-1] {
			t.Errorf("%s: %d bindings, %d refused, the first one is %v", way, h.Len(), h.Surplus(), v.names.load("1001").claims()[0].b)
		}
	}
	p, v := newTestPrimary(t)
	list := withSource(t, numbers(t, 2*location.MaxPerName), "directory")
	p.Follow("directory", list[:location.MaxPerName], nil)
	p.Follow("directory", list[location.MaxPerName:], nil)
	if h := v.Home("pbx-a"); h.Len() != location.MaxPerName || p.LeftOut() != 0 || h.Surplus() != 0 || h.Len() != len(p.Published("directory")) {
		t.Errorf("%d bindings, %d left out, %d refused", h.Len(), p.LeftOut(), h.Surplus())
	}
}

// Ranges of different names share blocks: what is bounded is what is looked up
// together.
func TestManyRangesOfOneBlock(t *testing.T) {
	var list []location.Binding
	for lo := range 100 {
		for hi := range 100 {
			b, err := location.Publish(location.Range, fmt.Sprintf("49301%03d", lo), location.Details{To: fmt.Sprintf("49301%03d", 900+hi)})
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, b)
		}
	}
	v := newTestView(t, Newest)
	h := v.Home("pbx-b")
	costs(t, 256, func() { h.Replace(record.Version{Epoch: "e", Serial: 1}, nil, list) })
	v.routes.all(func(r *route) bool {
		if len(r.list) > location.MaxPerName {
			t.Errorf("%d claims under %s", len(r.list), r.key)
		}
		return true
	})
	if h.Len() != len(h.Bindings()) || h.Len()+int(h.Surplus()) != len(list) {
		t.Errorf("%d bindings, %d listed, %d refused of %d", h.Len(), len(h.Bindings()), h.Surplus(), len(list))
	}
	h.Replace(record.Version{Epoch: "e", Serial: 2}, nil, nil)
	if h.Len() != 0 || h.Digest().Sum != 0 {
		t.Errorf("%d bindings and sum %x are left of nothing", h.Len(), h.Digest().Sum)
	}
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
	if err := j.Append(Delta{From: 1, To: 2, Changes: changesOf(append(contacts(1000), numbers(t, 1000)...))}); err != nil {
		t.Fatal(err)
	}
	p, _, _ := openPrimary(t, dir)
	v, _, all := p.Snapshot()
	if len(all) != 2*location.MaxPerName || p.home.Len() != len(all) || p.LeftOut() != 2000-int64(len(all)) || v.Serial < 3 {
		t.Errorf("serial %d: %d bindings, %d in the view, %d left out", v.Serial, len(all), p.home.Len(), p.LeftOut())
	}
	if _, _, ok := p.Since(2); ok {
		t.Error("a secondary that has the surplus gets a step that does not take it away")
	}
	p, _, _ = openPrimary(t, dir)
	if _, _, all := p.Snapshot(); len(all) != 2*location.MaxPerName || p.LeftOut() != 0 {
		t.Errorf("%d bindings, %d left out after another start", len(all), p.LeftOut())
	}
}

// A fill ends early when the process is to end, and leaves no version that a
// copy of it could be taken for.
func TestFillEndsWithTheProcess(t *testing.T) {
	done := make(chan struct{})
	close(done)
	v := NewView(Config{Origin: origin, Self: "pbx-a", TTL: 5 * time.Second, Done: done})
	var list []location.Binding
	for i := range 100_000 {
		list = append(list, binding(fmt.Sprint(i), 1, 1))
	}
	h := v.Home("pbx-b")
	h.Replace(record.Version{Epoch: "e", Serial: 2}, nil, list)
	if h.Len() > 5000 || h.Version() != (record.Version{}) {
		t.Errorf("%d bindings at %v: want few, and no version", h.Len(), h.Version())
	}
	h.Apply(record.Version{Epoch: "e", Serial: 2}, nil, changesOf(list))
	if h.Len() > 10000 || h.Version() != (record.Version{}) {
		t.Errorf("%d bindings at %v: want few, and no version", h.Len(), h.Version())
	}
	if res := v.Lookup("nodes."+origin, dns.TypeTXT); len(res.Answer) == 0 {
		t.Error("the view answers no more")
	}
}
