package zone

import "sync"

// census counts, for one empty non-terminal (RFC 8020), the names that each
// home has beneath it. It is immutable; the nodes above a name exist as long
// as any visible home has a name beneath.
type census struct{ by []headcount }

type headcount struct {
	home *Home
	n    int32
}

// tally adds d to the home's count at key.
func tally(m *sync.Map, key string, h *Home, d int) {
	for {
		old, loaded := m.Load(key)
		next := &census{}
		found := false
		if loaded {
			for _, c := range old.(*census).by {
				if c.home == h {
					c.n += int32(d)
					found = true
				}
				if c.n > 0 {
					next.by = append(next.by, c)
				}
			}
		}
		if !found && d > 0 {
			next.by = append(next.by, headcount{h, int32(d)})
		}
		switch {
		case !loaded && len(next.by) == 0:
			return
		case !loaded:
			if _, taken := m.LoadOrStore(key, next); !taken {
				return
			}
		case len(next.by) == 0:
			if m.CompareAndDelete(key, old) {
				return
			}
		default:
			if m.CompareAndSwap(key, old, next) {
				return
			}
		}
	}
}

// inhabited reports whether a visible home has names below key.
func inhabited(m *sync.Map, key string) bool {
	c, ok := m.Load(key)
	if !ok {
		return false
	}
	for _, h := range c.(*census).by {
		if h.home.Visible() {
			return true
		}
	}
	return false
}
