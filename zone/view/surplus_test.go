package view

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
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
				v := newTestView(t)
				var told int
				v.on.OnSurplus = func(home string, b location.Binding) {
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
		v := newTestView(t)
		h := v.Home("pbx-b")
		h.Replace(record.Version{Epoch: "e", Serial: 1}, nil, old)
		f(h)
		if h.Len() != location.MaxPerName || h.Surplus() != 0 || v.Named("1001")[0].Binding != all[len(all)-1] {
			t.Errorf("%s: %d bindings, %d refused, the first one is %v", way, h.Len(), h.Surplus(), v.Named("1001")[0].Binding)
		}
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
	v := newTestView(t)
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

// A fill ends early when the process is to end, and leaves no version that a
// copy of it could be taken for.
func TestFillEndsWithTheProcess(t *testing.T) {
	done := make(chan struct{})
	close(done)
	v := New(Config{Origin: origin, Self: "pbx-a", TTL: 5 * time.Second, Done: done})
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

}
