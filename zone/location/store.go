package location

import (
	"hash/maphash"
	"iter"
	"strings"
)

// Store holds the bindings of one home and turns what a registrar reports
// into Changes. It is not safe for concurrent use: it has one writer.
//
// Only a REGISTER stamps a claim. Asterisk reports a new contact by an event
// (Register), but a refresh only by a later expiry in a listing (Observe,
// Sweep), and after a restart it lists contacts that may long have moved.
//
// It has more methods than a type should, because events, listings, expiry and
// recovery all change the same two indexes.
type Store struct {
	clock *Clock
	seed  maphash.Seed
	byAOR map[uint64]*entry // by hash: the first of a chain, one entry for each contact
	n     int
	turn  uint32 // of listings
	// remembered are the stamps of contacts that a listing has dropped, without a
	// word of the registrar: those of the last time, and of the time before.
	remembered, older map[contactKey]Stamp
	// surplus counts contacts that were refused: their name has MaxPerName.
	surplus      int
	firstSurplus AOR
	// rival returns the newest stamp that another home claims an AOR with,
	// zero if none does.
	rival func(AOR) Stamp
}

type contactKey struct {
	aor AOR
	id  ContactID
}

// NewStore returns an empty store. The function rival is called from the
// store's methods and must not call back.
func NewStore(clock *Clock, rival func(AOR) Stamp) *Store {
	return &Store{clock: clock, rival: rival, seed: maphash.MakeSeed(), byAOR: map[uint64]*entry{}}
}

// Len returns the number of bindings.
func (s *Store) Len() int { return s.n }

// Count returns the number of bindings of one technology.
func (s *Store) Count(t Kind) int {
	n := 0
	for e := range s.all() {
		if e.b.Kind == t {
			n++
		}
	}
	return n
}

// Restore puts back bindings that a journal or a peer has kept. The store
// keeps no string of theirs.
func (s *Store) Restore(all ...Binding) {
	s.expect(len(all))
	for _, b := range all {
		b.AOR = AOR(strings.Clone(string(b.AOR)))
		s.put(&entry{b: b})
	}
}

// TakeSurplus returns how many contacts were refused since it was last called,
// because their name has MaxPerName, and the first one's AOR. A contact that is
// refused is registered all the same, and comes in with a later listing once
// others of the name have gone.
func (s *Store) TakeSurplus() (n int, first AOR) {
	n, first = s.surplus, s.firstSurplus
	s.surplus, s.firstSurplus = 0, ""
	return n, first
}

// expect makes room in an empty store.
func (s *Store) expect(more int) {
	if len(s.byAOR) == 0 {
		s.byAOR = make(map[uint64]*entry, more)
	}
}

// all goes through every entry. The one at hand may be dropped meanwhile.
func (s *Store) all() iter.Seq[*entry] {
	return func(yield func(*entry) bool) {
		for _, e := range s.byAOR {
			for next := e; e != nil; e = next {
				if next = e.next; !yield(e) {
					return
				}
			}
		}
	}
}

// of goes through the entries of an AOR. The one at hand may be dropped meanwhile.
func (s *Store) of(a AOR) iter.Seq[*entry] { return s.ofIn(s.hash(a), a) }

// ofIn is of, the hash being known.
func (s *Store) ofIn(h uint64, a AOR) iter.Seq[*entry] {
	return func(yield func(*entry) bool) {
		for e := s.byAOR[h]; e != nil; {
			next := e.next
			if e.b.AOR == a && !yield(e) {
				return
			}
			e = next
		}
	}
}

// hash is the same for AORs that are one name.
func (s *Store) hash(a AOR) uint64 { return maphash.String(s.seed, a.Fold()) }

func (s *Store) find(a AOR, id ContactID) *entry { return s.findIn(s.hash(a), a, id) }

func (s *Store) findIn(h uint64, a AOR, id ContactID) *entry {
	for e := range s.ofIn(h, a) {
		if e.b.Contact == id {
			return e
		}
	}
	return nil
}

// Recover takes over a binding that a peer has kept of this home: the stamp
// of a contact that has none, or the whole binding, unless the registrar has
// been listed since and does not know it.
func (s *Store) Recover(b Binding, listed bool) []Change {
	s.clock.Observe(b.Stamp)
	e := s.find(b.AOR, b.Contact)
	switch {
	case e != nil && e.b.Stamp == 0 && b.Stamp != 0:
		old := e.b
		e.b.Stamp = b.Stamp
		return []Change{{Old: old, New: e.b}}
	case e != nil || listed:
		return nil
	}
	s.Restore(b)
	if e = s.find(b.AOR, b.Contact); e == nil { // no room
		return nil
	}
	return []Change{{New: e.b}}
}

// Bindings returns all bindings in no particular order.
func (s *Store) Bindings() []Binding {
	out := make([]Binding, 0, s.n)
	for e := range s.all() {
		out = append(out, e.b)
	}
	return out
}

// Has reports whether any contact of the AOR is bound here.
func (s *Store) Has(a AOR) bool {
	for range s.of(a) {
		return true
	}
	return false
}

// Register records a REGISTER seen as it happened; the claim gets a new stamp
// unless the contact is known and no other home claims the AOR with a newer
// one (a refresh is not news).
func (s *Store) Register(c Contact) []Change {
	e := s.find(c.AOR, c.ID())
	s.forget(c.AOR, c.ID())
	if e != nil && e.b.Stamp != 0 && s.rival(c.AOR) < e.b.Stamp {
		e.note(&c)
		return nil
	}
	if e == nil {
		if e = s.put(&entry{b: Binding{AOR: c.AOR, Kind: c.Kind, Contact: c.ID()}}); e == nil {
			return nil // no room
		}
		return []Change{{New: s.stamp(e, c).New}}
	}
	return []Change{s.stamp(e, c)}
}

// Remove records that the registrar removed the contact.
func (s *Store) Remove(a AOR, t Kind, uri string) []Change {
	id := Contact{AOR: a, Kind: t, URI: uri}.ID()
	s.forget(a, id)
	e := s.find(a, id)
	if e == nil {
		return nil
	}
	return []Change{s.drop(e)}
}

// RemoveAOR records that the registrar removed every contact of one
// technology.
func (s *Store) RemoveAOR(a AOR, t Kind) []Change { return s.ObserveAOR(a, t, nil) }

// Withdraw drops every AOR that must go, whatever the registrar says.
func (s *Store) Withdraw(must func(AOR) bool) []Change {
	var out []Change
	for e := range s.all() {
		if must(e.b.AOR) {
			out = append(out, s.drop(e))
		}
	}
	return out
}

func (s *Store) stamp(e *entry, c Contact) Change {
	old := e.b
	e.note(&c)
	e.seen.rival = 0
	newest := s.rival(c.AOR)
	for other := range s.of(c.AOR) {
		newest = max(newest, other.b.Stamp)
	}
	e.b.Stamp = s.clock.Next(newest)
	return Change{Old: old, New: e.b}
}

// put puts in an entry, or replaces the one that is there, and returns it; nil
// if there is no room.
func (s *Store) put(e *entry) *entry {
	h := s.hash(e.b.AOR)
	if at := s.findIn(h, e.b.AOR, e.b.Contact); at != nil {
		e.next = at.next
		*at = *e
		return at
	}
	if !s.insert(h, e) {
		return nil
	}
	return e
}

// insert puts in an entry that is not there, if there is room.
func (s *Store) insert(h uint64, e *entry) bool {
	n := 0
	for other := s.byAOR[h]; other != nil; other = other.next {
		n++
	}
	if n >= MaxPerName {
		if s.surplus++; s.surplus == 1 {
			s.firstSurplus = e.b.AOR
		}
		return false
	}
	e.next = s.byAOR[h]
	s.byAOR[h] = e
	s.n++
	return true
}

// drop takes an entry out; its next stays for who goes along the chain.
func (s *Store) drop(e *entry) Change {
	h := s.hash(e.b.AOR)
	if first := s.byAOR[h]; first != e {
		for first.next != e {
			first = first.next
		}
		first.next = e.next
	} else if e.next == nil {
		delete(s.byAOR, h)
	} else {
		s.byAOR[h] = e.next
	}
	s.n--
	return Change{Old: e.b}
}
