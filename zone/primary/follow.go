package primary

import (
	"slices"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
)

// Follow brings what a source has published (its Details.By) level with what
// it sees now, as one version. What stays keeps its stamp; what is new gets
// one from stamp, which may be nil for none. A name that somebody else
// publishes is theirs. Like a registration, and unlike Publish, it does not
// wait for the disk and is not undone by one that fails. It returns the number
// of changes.
func (p *Primary) Follow(source string, wanted []location.Binding, stamp func(location.Binding) location.Stamp) int {
	p.writing.Lock()
	defer p.writing.Unlock()
	type id struct {
		kind    location.Kind
		name    location.AOR
		contact location.ContactID
	}
	idOf := func(b location.Binding) id { return id{b.Kind, location.AOR(b.AOR.Fold()), b.Contact} }
	keep := make(map[id]bool, len(wanted))
	for _, b := range wanted {
		if err := p.check(b); err != nil {
			p.leaveOut(source, err)
			continue
		}
		keep[idOf(b)] = true
	}
	var out, gone []location.Change
	room := p.room() // that there is once what is gone has gone
	for b := range p.pubs.By(source) {
		if !keep[idOf(b)] {
			gone = append(gone, location.Change{Old: b})
			room.take(location.Change{Old: b})
		}
	}
	for _, b := range wanted {
		if !keep[idOf(b)] {
			continue
		}
		old, known := p.pubs.Get(b)
		switch {
		case !known:
			if err := room.take(location.Change{New: b}); err != nil {
				p.leaveOut(source, err)
				continue
			}
			if stamp != nil {
				b.Stamp = stamp(b)
			}
			out = append(out, location.Change{New: b})
		case old.Info.Details().By == source && old.Info != b.Info:
			b.Stamp = old.Stamp
			out = append(out, location.Change{Old: old, New: b})
		}
	}
	out = append(out, gone...) // last, so that a name that stays never disappears on the way
	if len(out) > 0 {
		p.pubs.Apply(out)
		_ = p.commit(record.Delta{Changes: out}) // logged there; the zone goes on
	}
	return len(out)
}

// Published returns what a source has published, in no particular order.
func (p *Primary) Published(source string) []location.Binding {
	p.writing.Lock()
	defer p.writing.Unlock()
	return slices.Collect(p.pubs.By(source))
}
