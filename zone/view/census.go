package view

import (
	"slices"
	"strings"
	"sync/atomic"
)

// census counts, for one empty non-terminal (RFC 8020), the children of each
// home right beneath it: names, and further non-terminals. The node exists as
// long as any visible home has one.
// Readers see the list of homes; only writers, one at a time for each key, see
// the counts, so that a name that comes costs a few increments, no allocation.
type census struct {
	key string
	by  atomic.Pointer[[]headcount]
}

type headcount struct {
	home uint32 // Home.index
	n    int32  // above zero
}

// tallies are the empty non-terminals of one tree, by suffix or prefix.
type tallies struct{ *table[census] }

func newTallies() tallies {
	return tallies{newTable(
		func(c *census) string { return c.key },
		func(c *census, key string) bool { return c.key == key })}
}

// Lengths are which numbers of digits are in use, of what stands in the ENUM
// tree: AORs without and with "+", published numbers, and blocks. Few lengths are
// in use at once, so that hardly any prefix can be a number of its own.
type Lengths struct{ Plain, Plus, Published, Cover LengthSet }

// LengthSet is a set of lengths, up to 63. What was once in it stays.
type LengthSet struct{ bits atomic.Uint64 }

func (s *LengthSet) add(n int) {
	if !s.Has(n) {
		s.bits.Or(1 << n)
	}
}

// None reports whether there is none.
func (s *LengthSet) None() bool { return s.bits.Load() == 0 }

// Has reports whether n is one.
func (s *LengthSet) Has(n int) bool { return s.bits.Load()>>n&1 == 1 }

// tree is what is peculiar to one of the two trees.
type tree struct {
	tallies
	view *View
	up   func(key string) (parent string, ok bool)
	at   func(v *View, h *Home, key string) bool // whether the home has a name at key
}

func (t tree) named(h *Home, key string) bool { return t.at(t.view, h, key) }

func (v *View) numbers() tree {
	return tree{v.digits, v,
		func(key string) (string, bool) { return key[:len(key)-1], len(key) > 1 },
		func(_ *View, h *Home, key string) bool { return h.spells(key, plain|plus|published) }}
}

func (v *View) words() tree {
	return tree{v.labels, v,
		func(key string) (string, bool) {
			_, parent, ok := strings.Cut(key, ".")
			return parent, ok
		},
		func(v *View, h *Home, key string) bool { return holds(v.Named(key), h) }}
}

// enumerate counts a name at key in (or out of) the non-terminal above it,
// and that in (or out of) the one above if it was (or now is) empty, and so
// on: one step for nearly every name in a large zone.
func (t tree) enumerate(key string, h *Home, d int32) {
	if !t.has(key, h) { // otherwise the node stays because of what is beneath it
		t.climb(key, h, d)
	}
}

// climb counts a node at key in (or out of) the non-terminals above it.
func (t tree) climb(key string, h *Home, d int32) {
	for parent, ok := t.up(key); ok; parent, ok = t.up(parent) {
		n := t.add(parent, h, d)
		if d > 0 && n > 1 || d < 0 && n > 0 || t.named(h, parent) {
			return
		}
	}
}

// has reports whether the home has anything beneath key.
func (t tallies) has(key string, h *Home) bool {
	c := t.load(key)
	if c == nil {
		return false
	}
	by := *c.by.Load()
	for i := range by { // its counts are not ours to read
		if by[i].home == h.index {
			return true
		}
	}
	return false
}

// add adds d to the home's count at key and returns the sum.
func (t tallies) add(key string, h *Home, d int32) (sum int32) {
	t.update(key, func(c *census) *census {
		if c == nil {
			c = &census{key: strings.Clone(key)}
		}
		homes := 0
		if sum, homes = c.count(h.index, d); homes == 0 {
			return nil
		}
		return c
	})
	return sum
}

// count adds d to the count of a home and returns it, and how many homes
// there are.
func (c *census) count(home uint32, d int32) (sum int32, homes int) {
	var by []headcount
	if p := c.by.Load(); p != nil {
		by = *p
	}
	i := slices.IndexFunc(by, func(x headcount) bool { return x.home == home })
	switch {
	case i < 0 && d < 0:
		return 0, len(by)
	case i < 0:
		sum = d
		by = append(by, headcount{home, d}) // beyond what readers see
	case by[i].n+d > 0:
		by[i].n += d
		return by[i].n, len(by)
	default:
		by = slices.Delete(slices.Clone(by), i, i+1)
	}
	c.by.Store(&by)
	return sum, len(by)
}

// inhabited reports whether a visible home has names below key.
func (v *View) inhabited(t tallies, key string) bool {
	c := t.load(key)
	if c == nil {
		return false
	}
	by, homes := *c.by.Load(), *v.indexed.Load()
	for i := range by {
		if homes[by[i].home].Visible() {
			return true
		}
	}
	return false
}
