package primary

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
)

// leftOut counts what sources wanted to publish and no record can carry.
type leftOut struct {
	n    atomic.Int64
	told map[string]bool // what has been logged
}

// LeftOut returns how many bindings, and values of the node's own record, were
// left out of the home zone, since no record can carry them or every peer would
// refuse them.
func (p *Primary) LeftOut() int64 { return p.left.n.Load() }

// leaveOut counts one, and logs the first of each origin. The caller holds the
// lock for writing.
func (p *Primary) leaveOut(origin string, err error) {
	p.left.n.Add(1)
	if p.left.told == nil {
		p.left.told = map[string]bool{}
	}
	if !p.left.told[origin] {
		p.left.told[origin] = true
		p.log.Warn("left out: it cannot be published", "from", origin, "err", err)
	}
}

// check reports why the home zone cannot have a binding, whatever its values.
func (p *Primary) check(b location.Binding) error {
	if p.tight && len(record.Owner(b, p.apex))+1 > maxName {
		return fmt.Errorf("name %q below %s has more than %d octets (RFC 1035 §2.3.4): want a shorter one: %w", b.AOR, p.apex, maxName, ErrUnpublishable)
	}
	return nil
}

// tellSurplus counts the registrations that the store has no room for. The caller
// holds the lock for writing.
func (p *Primary) tellSurplus() {
	n, first := p.store.TakeSurplus()
	for range n {
		p.leaveOut("registration", fmt.Errorf("%s has more than %d contacts: those beyond are not published until others go", first, location.MaxPerName))
	}
}

// maxName is the most octets of a name in wire form: one more than its text has,
// with its last dot.
const maxName = 255

// isTight reports whether a name that can be published by itself may be too long
// in the zone apex.
func isTight(apex string) bool {
	longest := location.MaxAOR
	if digits := 2*32 + len("*."); digits > longest {
		longest = digits
	}
	return longest+len(".")+len(record.ProvidersTree)+len(".")+len(apex)+1 > maxName
}

// passed returns the changes without what cannot be published. Of a change that
// brings such a binding in the place of another, the removal stays.
func (p *Primary) passed(changes []location.Change) []location.Change {
	if !p.tight {
		return changes
	}
	out := changes[:0]
	for _, c := range changes {
		if c.Old.Kind != 0 && p.check(c.Old) != nil {
			c.Old = location.Binding{}
		}
		if c.New.Kind != 0 {
			if err := p.check(c.New); err != nil {
				p.leaveOut(record.Source(c.New), err)
				c.New = location.Binding{}
			}
		}
		if c != (location.Change{}) {
			out = append(out, c)
		}
	}
	return out
}

// published returns those of the bindings that the zone has.
func (p *Primary) published(all []location.Binding) []location.Binding {
	if !p.tight {
		return all
	}
	return slices.DeleteFunc(all, func(b location.Binding) bool { return p.check(b) != nil })
}

// clean returns the node without the values that peers would refuse.
func (p *Primary) clean(n record.Node) record.Node {
	n.LeaveOut(p.leaveOut)
	return n
}

// ErrUnpublishable is the error of a binding that cannot be published by any
// source.
var ErrUnpublishable = errors.New("it cannot be published")
