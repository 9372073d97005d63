package answer

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
)

// recount makes the digest of what the view holds now.
func recount(h *view.Home) record.Digest {
	d := record.Digest{Version: h.Version()}
	for _, b := range h.Bindings() {
		d.Bindings++
		d.Sum += record.Hash(&b)
	}
	return d
}

// everyKind returns bindings of all kinds, with and without details.
func everyKind(t testing.TB) (out []location.Binding) {
	for i, p := range []struct {
		kind location.Kind
		name string
		d    location.Details
	}{
		{location.Number, "97231001", location.Details{Target: "1001", Name: "Alice"}},
		{location.Number, "97231001", location.Details{Target: "1002", Cost: 5}},
		{location.Prefix, "49", location.Details{}},
		{location.Range, "4930001", location.Details{To: "4930345", Cost: 10}},
		{location.Wildcard, ".", location.Details{}},
		{location.Trunk, "berlin", location.Details{Capacity: 30}},
		{location.Service, "Echo", location.Details{}},
		{location.User, "carol", location.Details{Expires: 4102444800}},
	} {
		b, err := location.Publish(p.kind, p.name, p.d)
		if err != nil {
			t.Fatal(err)
		}
		b.Stamp = location.Stamp(i)
		out = append(out, b)
	}
	return out
}

// However a home has come to what it holds, its digest is that of the set.
func TestDigestIsOfTheSet(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 9))
	v := newTestView(t, Newest)
	h := v.Home("pbx-b")
	set := map[location.Binding]bool{}
	fixed := everyKind(t)
	random := func() location.Binding {
		if rng.IntN(4) == 0 {
			return fixed[rng.IntN(len(fixed))]
		}
		return binding(strconv.Itoa(100+rng.IntN(30)), uint64(rng.IntN(3)), uint64(rng.IntN(4)))
	}
	same := func(b location.Binding) (location.Binding, bool) { // what it replaces
		for old := range set {
			if old.AOR == b.AOR && old.Contact == b.Contact {
				return old, true
			}
		}
		return location.Binding{}, false
	}
	serial := uint32(1)
	for step := range 4000 {
		serial++
		to := record.Version{Epoch: "e", Serial: serial}
		if step%500 == 499 { // all at once: what is new, and what is there already
			for range 20 {
				b := random()
				if old, ok := same(b); ok {
					delete(set, old)
				}
				set[b] = true
			}
			all := []location.Binding{}
			for b := range set {
				all = append(all, b)
			}
			h.Replace(to, nil, all)
		} else {
			b := random()
			c := location.Change{New: b}
			if old, ok := same(b); ok {
				c.Old = old
				delete(set, old)
			}
			if c.Old.Kind != 0 && rng.IntN(2) == 0 {
				c.New = location.Binding{}
			} else {
				set[b] = true
			}
			h.Apply(to, nil, []location.Change{c})
		}
		if step%50 != 49 {
			continue
		}
		want := record.Digest{Version: to}
		for b := range set {
			want.Bindings++
			want.Sum += record.Hash(&b)
		}
		if got := h.Digest(); got != want || recount(h) != want {
			t.Fatalf("step %d: digest %+v, of the view %+v, want %+v", step, got, recount(h), want)
		}
	}
	all := slices.Collect(func(yield func(location.Binding) bool) {
		for b := range set {
			if !yield(b) {
				return
			}
		}
	})
	other := newTestView(t, Newest).Home("pbx-b")
	other.Replace(h.Version(), nil, all)
	if got, want := other.Digest(), h.Digest(); got != want {
		t.Errorf("filled at once: %+v, want %+v", got, want)
	}
}

// Whatever a record differs in, its hash does.
func TestDigestTellsApart(t *testing.T) {
	seen := map[uint64]location.Binding{}
	for _, b := range append(everyKind(t), binding("1001", 1, 1), binding("1002", 1, 1), binding("1001", 2, 1), binding("1001", 1, 2)) {
		if old, ok := seen[record.Hash(&b)]; ok {
			t.Errorf("%+v has the hash of %+v", b, old)
		}
		seen[record.Hash(&b)] = b
	}
	upper, lower := binding("Alice", 1, 1), binding("alice", 1, 1)
	if record.Hash(&upper) != record.Hash(&lower) {
		t.Error("upper case makes another user")
	}
}

func TestHashMakesNoGarbage(t *testing.T) {
	b := binding("972312345678", 1, 1)
	if n := testing.AllocsPerRun(100, func() { record.Hash(&b) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzDigest(f *testing.F) {
	f.Add("v=1 epoch=00", "serial=4294967295", "bindings=3", "sum=00000000000000ff")
	f.Add("v=1", "epoch=0011223344556677", "serial=-1", "sum=x")
	f.Add("v=2", "", "", "")
	f.Fuzz(func(t *testing.T, a, b, c, d string) {
		got, err := record.ParseDigest([]string{"v=1", a, b, c, d})
		if err != nil {
			return
		}
		again, err := record.ParseDigest(got.Strings())
		if err != nil || again != got {
			t.Errorf("%+v is told as %q and read as %+v, %v", got, got.Strings(), again, err)
		}
	})
}
