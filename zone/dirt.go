package zone

import (
	"strings"
	"sync"

	"github.com/asterfed/asterfed/zone/location"
)

// Dirt is what has changed in a view, for whoever keeps a copy of its answers.
// It may name what came to nothing.
type Dirt struct {
	// All: too much to tell.
	All bool
	// Keys are what bindings stand under: folded AORs, and what route says.
	Keys []string
	// Homes are those whose records, state or distance changed.
	Homes []*Home
}

// collector gathers dirt. Who changes something adds a word and goes on.
type collector struct {
	mu sync.Mutex
	d  Dirt
}

// maxDirt bounds the keys that are remembered one by one.
const maxDirt = 1 << 17

// Track begins to gather dirt, or stops to.
func (v *View) Track(on bool) {
	if on {
		v.dirt.Store(new(collector))
	} else {
		v.dirt.Store(nil)
	}
}

// TakeDirt returns what has changed since Track or the last call. What it
// names can be read in the view already.
func (v *View) TakeDirt() (d Dirt) {
	if c := v.dirt.Load(); c != nil {
		c.mu.Lock()
		d, c.d = c.d, Dirt{}
		c.mu.Unlock()
	}
	return d
}

// Moved reports whether anything has changed since it was last asked.
func (v *View) Moved() bool { return v.moved.Load() && v.moved.Swap(false) }

// Serial returns the serial of the federation zone as it is answered here.
func (v *View) Serial() uint32 { return v.serial.Load() }

// SetSerial makes the answers tell another serial.
func (v *View) SetSerial(serial uint32) { v.serial.Store(serial) }

// touch notes that something has changed.
func (v *View) touch() {
	if !v.moved.Load() {
		v.moved.Store(true)
	}
}

// soil notes a key whose claims have changed.
func (v *View) soil(key string) {
	c := v.dirt.Load()
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.d.All:
	case len(c.d.Keys) >= maxDirt:
		c.d = Dirt{All: true}
	default:
		c.d.Keys = append(c.d.Keys, key)
	}
}

func (v *View) soilAll() {
	if c := v.dirt.Load(); c != nil {
		c.mu.Lock()
		c.d = Dirt{All: true}
		c.mu.Unlock()
	}
}

// soil notes that what the home says of itself, or its rank, has changed.
func (h *Home) soil() {
	h.view.touch()
	c := h.view.dirt.Load()
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.d.All || len(c.d.Homes) > 0 && c.d.Homes[len(c.d.Homes)-1] == h {
		return
	}
	if c.d.Homes = append(c.d.Homes, h); len(c.d.Homes) >= maxDirt {
		c.d = Dirt{All: true}
	}
}

// Keys calls f with every key that a binding stands under, until it returns
// false. With homes, only with those at which one of these has a claim.
func (v *View) Keys(homes []*Home, f func(key string) bool) {
	fits := func(claims []claim) bool {
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
			more = f(claims[0].b.AOR.Fold())
		}
		return more
	})
	if more {
		v.routes.all(func(r *route) bool { return !fits(r.list) || f(r.key) })
	}
}

// StandsFor returns the users and numbers in whose place the claims of a key
// stand, each as Stem has it.
func (v *View) StandsFor(key string) (out []string) {
	claims := v.names.load(key).claims()
	if strings.ContainsAny(key, "#*/") {
		claims = v.routes.load(key).claims()
	}
	for _, c := range claims {
		if c.b.Info == (location.Info{}) {
			continue
		}
		if of := c.b.Info.Details().Of; of != "" {
			out = append(out, stem(of))
		}
	}
	return out
}

// Stem returns what StandsFor calls the user or number of a key, "" if nothing
// can stand in its place: digits without "+", or a folded AOR.
func Stem(key string) string {
	switch {
	case strings.HasPrefix(key, "#"):
		return key[1:]
	case strings.ContainsAny(key, "*/"):
		return ""
	}
	return stem(location.AOR(key))
}

func stem(a location.AOR) string {
	if digits, ok := a.Number(); ok {
		return digits
	}
	return a.Fold()
}

// Wildcards reports whether there ever was a wildcard.
func (v *View) Wildcards() bool { return v.wildcards.Load() }

// Covered reports whether a stem is a number that stands nowhere by itself, so
// that what covers it answers for it: any number nearby may change that where
// there are wildcards.
func (v *View) Covered(stem string) bool {
	digits, ok := location.AOR(stem).Number()
	return ok && len(v.numbered(nil, digits)) == 0
}
