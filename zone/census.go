package zone

import (
	"slices"
	"sync/atomic"
)

// census counts, for one empty non-terminal (RFC 8020), the names that each
// home has beneath it. The node exists as long as any visible home has one.
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

// add adds d to the home's count at key.
func (t tallies) add(key string, h *Home, d int32) {
	t.update(key, func(c *census) *census {
		if c == nil {
			c = &census{key: key}
		}
		if c.count(h.index, d) == 0 {
			return nil
		}
		return c
	})
}

// count adds d to the count of a home and returns how many homes there are.
func (c *census) count(home uint32, d int32) int {
	var by []headcount
	if p := c.by.Load(); p != nil {
		by = *p
	}
	i := slices.IndexFunc(by, func(x headcount) bool { return x.home == home })
	switch {
	case i < 0 && d < 0:
		return len(by)
	case i < 0:
		by = append(slices.Clip(by), headcount{home, d})
	case by[i].n+d > 0:
		by[i].n += d
		return len(by)
	default:
		by = slices.Delete(slices.Clone(by), i, i+1)
	}
	c.by.Store(&by)
	return len(by)
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
