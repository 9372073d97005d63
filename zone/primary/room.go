package primary

import (
	"fmt"

	"github.com/asterfed/asterfed/zone/location"
)

// room counts what the home publishes under each key while changes are put
// together. The zero value is not usable; see Primary.room.
type room struct {
	zone  Zone
	under map[string]int
}

// room returns the room that there is now.
func (p *Primary) room() room { return room{p.zone, map[string]int{}} }

// take makes room for what replaces old, which may be nothing. The error says
// that there is none.
func (r room) take(c location.Change) error {
	if c.Old.Kind != 0 {
		for key, n := range r.counts(c.Old) {
			r.under[key] = n - 1
		}
	}
	if c.New.Kind == 0 {
		return nil
	}
	counts := r.counts(c.New)
	for _, n := range counts {
		if n >= location.MaxPerName {
			return fmt.Errorf("k=%s at %s: this node publishes %d bindings of that name already, and no more of one name can be: %w",
				c.New.Kind, c.New.AOR, location.MaxPerName, ErrUnpublishable)
		}
	}
	for key, n := range counts {
		r.under[key] = n + 1
	}
	return nil
}

// counts returns how many bindings there are under each key of b.
func (r room) counts(b location.Binding) map[string]int {
	out := map[string]int{}
	r.zone.Published(b, func(key string, n int) {
		if known, ok := r.under[key]; ok {
			n = known
		}
		out[key] = n
	})
	return out
}

// trimJournal makes what the view has taken of the journal all that is kept, in
// store, publications and journal: an earlier version may have kept more of a
// name than there is room for. No step leads from what secondaries have to that.
func (p *Primary) trimJournal(clock *location.Clock) {
	n := p.zone.Surplus()
	if n == 0 {
		return
	}
	for range n {
		p.leaveOut("journal", fmt.Errorf("more than %d bindings of one name", location.MaxPerName))
	}
	p.store, p.pubs = location.NewStore(clock, p.zone.Rival), location.NewPublications()
	for _, b := range p.zone.Bindings() {
		p.keep(b)
	}
	p.version.Serial++
	p.deltas, p.kept = nil, 0
	if p.disk != nil && p.diskErr == nil {
		if p.diskErr = p.disk.Rewrite(p.version, &p.node, p.bindings()); p.diskErr != nil {
			p.log.Error("home zone is not kept on disk; serving goes on from memory", "err", p.diskErr)
		}
	}
	p.zone.Apply(p.version, nil, nil)
}

// keep puts a binding back into what it is kept in.
func (p *Primary) keep(b location.Binding) {
	if b.Kind.Registered() {
		p.store.Restore(b)
	} else {
		p.pubs.Apply([]location.Change{{New: b}})
	}
}
