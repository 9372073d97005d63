package location

import (
	"iter"
	"slices"
)

// Listing is what a registrar lists together. It is read where it is given, as
// often as need be, and not kept: of 100,000 contacts there is no copy.
type Listing struct {
	N   int // contacts
	All iter.Seq[Contact]
}

// List returns a listing of contacts that stand in memory.
func List(all ...Contact) Listing { return Listing{len(all), slices.Values(all)} }

// observe records that the registrar lists the contact now. A contact not known
// before is bound without a stamp, unless it is proved when it was not registered
// yet (Contact.Since).
func (s *Store) observe(c *Contact) (change Change, changed bool) {
	id := c.ID()
	h := s.hash(c.AOR)
	e := s.findIn(h, c.AOR, id)
	if e == nil {
		e = newListed(Binding{AOR: c.AOR, Kind: c.Kind, Contact: id, Stamp: s.since(c, id)})
		e.note(c)
		e.seen.turn, e.seen.rival, e.seen.baseline = s.turn, s.rival(c.AOR), e.seen.expires
		return Change{New: e.b}, s.insert(h, e)
	}
	if e.seen == nil {
		e.seen = &seen{}
	}
	e.seen.turn = s.turn
	advanced := s.returned(e.b.Stamp, e.seen, c)
	e.note(c)
	if advanced {
		return s.stamp(e, *c), true
	}
	return Change{}, false
}

// returned reports whether the listing proves a REGISTER that is newer than
// every claim known when the baseline was taken, and takes a new baseline
// where the rival is new.
func (s *Store) returned(stamp Stamp, e *seen, c *Contact) bool {
	rival := s.rival(c.AOR)
	if stamp != 0 && rival <= stamp {
		e.rival = 0
		return false
	}
	if e.rival != rival || e.baseline == 0 {
		e.rival, e.baseline = rival, millis(c.Expires)
		return false
	}
	return millis(c.Expires) > e.baseline
}

// ObserveAOR records a listing that is complete for one AOR and technology.
func (s *Store) ObserveAOR(a AOR, t Kind, list []Contact) []Change {
	out := s.listing(List(list...))
	for e := range s.of(a) {
		if e.b.Kind == t && !e.listedIn(s.turn) {
			out = append(out, s.dropUnlisted(e))
		}
	}
	return out
}

// Sweep records a complete listing of one technology: what it lacks is gone.
func (s *Store) Sweep(t Kind, list Listing) []Change {
	out := s.listing(list)
	for e := range s.all() {
		if e.b.Kind == t && !e.listedIn(s.turn) {
			out = append(out, s.dropUnlisted(e))
		}
	}
	return out
}

// listing records contacts that are listed together.
func (s *Store) listing(list Listing) (out []Change) {
	s.turn++
	if more := list.N - s.n; more > 0 { // so many are new, unless some are listed twice
		out = make([]Change, 0, more)
		s.expect(more)
	}
	for c := range list.All {
		if change, changed := s.observe(&c); changed {
			if n := len(out); n == cap(out) { // doubles: append alone would copy long lists five times over
				out = slices.Grow(out, max(16, n))
			}
			out = append(out, change)
		}
	}
	return out
}
