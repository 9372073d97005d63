package zone

import (
	"slices"
	"sync"
	"sync/atomic"
)

// census counts, for one empty non-terminal (RFC 8020), the names that each
// home has beneath it. The node exists as long as any visible home has one.
// Readers see the list of homes; only writers, under the view's lock, see the
// counts, so that a name that comes costs a few increments, no allocation.
type census struct{ by atomic.Pointer[[]*headcount] }

type headcount struct {
	home *Home
	n    int // above zero
}

// tallies are the empty non-terminals of one tree. The lock is for writers.
type tallies struct {
	mu sync.Mutex
	at sync.Map // suffix or prefix → *census
}

// add adds d to the home's count at key. The caller holds the lock.
func (t *tallies) add(key string, h *Home, d int) {
	c, _ := t.at.Load(key)
	if c == nil {
		c = new(census)
		t.at.Store(key, c)
	}
	t.count(key, c.(*census), h, d)
}

func (t *tallies) count(key string, c *census, h *Home, d int) {
	var by []*headcount
	if p := c.by.Load(); p != nil {
		by = *p
	}
	i := slices.IndexFunc(by, func(x *headcount) bool { return x.home == h })
	if i < 0 {
		by = append(slices.Clip(by), &headcount{home: h, n: d})
		c.by.Store(&by)
		return
	}
	if by[i].n += d; by[i].n > 0 {
		return
	}
	by = slices.Delete(slices.Clone(by), i, i+1)
	c.by.Store(&by)
	if len(by) == 0 {
		t.at.Delete(key)
	}
}

// inhabited reports whether a visible home has names below key.
func (t *tallies) inhabited(key string) bool {
	c, ok := t.at.Load(key)
	if !ok {
		return false
	}
	by := c.(*census).by.Load()
	return by != nil && slices.ContainsFunc(*by, func(x *headcount) bool { return x.home.Visible() })
}
