package view

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asterfed/asterfed/zone/location"
)

// aheadStamps are claims that came with a stamp further in the future than an
// honest clock can be, location.MaxSkew. Such a claim may be true, but when it
// was made is not known: it ranks as of when it came, for as long as it is there.
// Its stamp stays as it was issued, since that is what its home has.
type aheadStamps struct {
	n   atomic.Int64  // claims, nearly always none
	min atomic.Uint64 // no stamp of theirs is below
	m   sync.Map      // of claimID to aheadStamp
}

type claimID struct {
	home    *Home
	aor     location.AOR
	contact location.ContactID
}

type aheadStamp struct{ issued, rank location.Stamp }

// stamp returns the stamp by which a claim ranks.
func (v *View) stamp(c *Claim) location.Stamp {
	if v.ahead.n.Load() == 0 || uint64(c.Binding.Stamp) < v.ahead.min.Load() {
		return c.Binding.Stamp
	}
	if s, ok := v.ahead.m.Load(claimID{c.Home, c.Binding.AOR, c.Binding.Contact}); ok && s.(aheadStamp).issued == c.Binding.Stamp {
		return s.(aheadStamp).rank
	}
	return c.Binding.Stamp
}

// judge notes, before a change is made, whether the stamp of the new binding is
// possible, and forgets what was noted of the one that goes. The caller has
// looked at the time: see Home.look.
func (h *Home) judge(c *location.Change) {
	a := &h.view.ahead
	if c.New.Stamp <= h.limit && a.n.Load() == 0 {
		return
	}
	id := claimID{h, c.New.AOR, c.New.Contact}
	if c.Old.Kind != 0 && (c.New.Kind == 0 || c.Old.AOR != c.New.AOR || c.Old.Contact != c.New.Contact) {
		a.forget(claimID{h, c.Old.AOR, c.Old.Contact})
	}
	if c.New.Kind == 0 {
		return
	}
	was, known := a.m.Load(id)
	switch {
	case known && was.(aheadStamp).issued == c.New.Stamp: // the same claim, told again
	case c.New.Stamp > h.limit:
		if a.n.Load() == 0 || uint64(c.New.Stamp) < a.min.Load() {
			a.min.Store(uint64(c.New.Stamp))
		}
		id.aor = location.AOR(strings.Clone(string(id.aor)))
		a.m.Store(id, aheadStamp{c.New.Stamp, h.limit - skew | 0xffff})
		if !known {
			a.n.Add(1)
		}
	case known:
		a.forget(id)
	}
}

// forget drops what was noted of a claim.
func (a *aheadStamps) forget(id claimID) {
	if _, was := a.m.LoadAndDelete(id); was {
		a.n.Add(-1)
	}
}

// skew is location.MaxSkew as a difference of stamps.
const skew = location.Stamp(location.MaxSkew/time.Millisecond) << 16

// look takes note of the time, before changes are made. The caller holds the lock
// for writing.
func (h *Home) look() {
	h.limit = location.Stamp(h.view.now().UnixMilli())<<16 + skew
}
