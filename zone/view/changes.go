package view

import (
	"sync"

	"github.com/asterfed/asterfed/zone/location"
)

// Dirty lists what has changed in a view since the last call, for consumers that
// keep its answers. It may include changes that cancelled out.
type Dirty struct {
	// All: too much to list.
	All bool
	// Keys are what bindings stand under.
	Keys []Key
	// Homes are those whose records, state or distance changed.
	Homes []*Home
}

// changes gathers what changes. A writer adds a key and goes on.
type changes struct {
	mu sync.Mutex
	d  Dirty
}

// maxDirty bounds the keys that are remembered one by one.
const maxDirty = 1 << 17

// Track begins to gather changes, or ends it.
func (v *View) Track(on bool) {
	if on {
		v.changes.Store(new(changes))
	} else {
		v.changes.Store(nil)
	}
}

// TakeDirty returns what has changed since Track or the last call. What it
// names can be read in the view already.
func (v *View) TakeDirty() (d Dirty) {
	if c := v.changes.Load(); c != nil {
		c.mu.Lock()
		d, c.d = c.d, Dirty{}
		c.mu.Unlock()
	}
	return d
}

// Moved reports whether anything has changed since it was last asked.
func (v *View) Moved() bool { return v.moved.Load() && v.moved.Swap(false) }

// touch notes that something has changed.
func (v *View) touch() {
	if !v.moved.Load() {
		v.moved.Store(true)
	}
}

// changed notes a key whose claims have changed.
func (v *View) changed(key Key) {
	c := v.changes.Load()
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.d.All:
	case len(c.d.Keys) >= maxDirty:
		c.d = Dirty{All: true}
	default:
		c.d.Keys = append(c.d.Keys, key)
	}
}

func (v *View) changedAll() {
	if c := v.changes.Load(); c != nil {
		c.mu.Lock()
		c.d = Dirty{All: true}
		c.mu.Unlock()
	}
}

// changed notes that what the home says of itself, or its rank, has changed.
func (h *Home) changed() {
	h.view.touch()
	c := h.view.changes.Load()
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.d.All || len(c.d.Homes) > 0 && c.d.Homes[len(c.d.Homes)-1] == h {
		return
	}
	if c.d.Homes = append(c.d.Homes, h); len(c.d.Homes) >= maxDirty {
		c.d = Dirty{All: true}
	}
}

// Keys calls f with every key that a binding stands under, until it returns
// false. With homes, only with those at which one of these has a claim.
func (v *View) Keys(homes []*Home, f func(key Key) bool) {
	fits := func(claims []Claim) bool {
		for _, h := range homes {
			if holds(claims, h) {
				return true
			}
		}
		return len(homes) == 0
	}
	more := true
	v.names.all(func(n *name) bool {
		if claims := n.claims(); fits(claims) {
			more = f(UserKey(claims[0].Binding.AOR.Fold()))
		}
		return more
	})
	if more {
		v.routes.all(func(r *route) bool { return !fits(r.list) || f(r.key) })
	}
}

// StandsFor returns the users and numbers in whose place the claims of a key
// stand, each as Stem has it.
func (v *View) StandsFor(key Key) (out []string) {
	for _, c := range v.Under(key) {
		if c.Binding.Info == (location.Info{}) {
			continue
		}
		if of := c.Binding.Info.Details().Of; of != "" {
			out = append(out, stem(of))
		}
	}
	return out
}

// Stem returns what StandsFor calls the user or number of a key, "" if nothing
// can stand in its place: digits without "+", or a folded AOR.
func Stem(key Key) string {
	if folded, ok := key.User(); ok {
		return stem(location.AOR(folded))
	}
	digits, _ := key.Number()
	return digits
}

func stem(a location.AOR) string {
	if digits, ok := a.Number(); ok {
		return digits
	}
	return a.Fold()
}

// Wildcards reports whether there ever was a wildcard.
func (v *View) Wildcards() bool { return v.wildcards.Load() }
