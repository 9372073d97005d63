package location

import (
	"iter"
	"sort"
	"strings"
	"time"
)

// Store holds the bindings of one home and turns what a registrar reports
// into Changes. It is not safe for concurrent use: it has one writer.
//
// Only a REGISTER stamps a claim. Asterisk reports a new contact by an event
// (Register), but a refresh only by a later expiry in a listing (Observe,
// Sweep), and after a restart it lists contacts that may long have moved.
type Store struct {
	clock *Clock
	aors  map[AOR]*entry // the first of a chain, one for each contact
	n     int
	turn  uint32 // of listings
	// ghosts are the stamps of contacts that a listing has dropped, without a
	// word of the registrar: those of the last time, and of the time before.
	ghosts, older map[ghost]Stamp
	// rival returns the newest stamp that another home claims an AOR with,
	// zero if none does.
	rival func(AOR) Stamp
}

type ghost struct {
	aor AOR
	id  ContactID
}

type entry struct {
	b    Binding
	next *entry // another contact of the AOR
	// uri and agent are the registrar's own, empty until it has listed or
	// announced the contact since this process began.
	uri, agent string
	expires    int64 // Unix milliseconds, zero where the registrar does not tell
	// baseline is the expiry when rival was first known: only a later one
	// proves a REGISTER after the rival's (a return A→B→A).
	rival    Stamp
	baseline int64
	turn     uint32 // of the listing that had it last
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// NewStore returns an empty store. The function rival is called from the
// store's methods and must not call back.
func NewStore(clock *Clock, rival func(AOR) Stamp) *Store {
	return &Store{clock: clock, rival: rival, aors: map[AOR]*entry{}}
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
	if len(s.aors) == 0 {
		s.aors = make(map[AOR]*entry, len(all))
	}
	for _, b := range all {
		b.AOR = AOR(strings.Clone(string(b.AOR)))
		s.put(&entry{b: b})
	}
}

// all goes through every entry. The one at hand may be dropped meanwhile.
func (s *Store) all() iter.Seq[*entry] {
	return func(yield func(*entry) bool) {
		for _, e := range s.aors {
			for next := e; e != nil; e = next {
				if next = e.next; !yield(e) {
					return
				}
			}
		}
	}
}

func (s *Store) find(a AOR, id ContactID) *entry {
	e := s.aors[a]
	for e != nil && e.b.Contact != id {
		e = e.next
	}
	return e
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
	return []Change{{New: s.find(b.AOR, b.Contact).b}}
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
func (s *Store) Has(a AOR) bool { return s.aors[a] != nil }

// Contacts returns the contacts of an AOR that the registrar has told of.
func (s *Store) Contacts(a AOR) []Contact {
	var out []Contact
	for e := s.aors[a]; e != nil; e = e.next {
		if e.uri != "" {
			out = append(out, e.contact())
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].URI < out[j].URI })
	return out
}

func (e *entry) contact() Contact {
	c := Contact{AOR: e.b.AOR, Kind: e.b.Kind, URI: e.uri, UserAgent: e.agent}
	if e.expires != 0 {
		c.Expires = time.UnixMilli(e.expires)
	}
	return c
}

// Register records a REGISTER seen as it happened; the claim gets a new stamp
// unless the contact is known and no other home claims the AOR with a newer
// one (a refresh is not news).
func (s *Store) Register(c Contact) []Change {
	e := s.find(c.AOR, c.ID())
	s.forget(c.AOR, c.ID())
	if e != nil && e.b.Stamp != 0 && s.rival(c.AOR) < e.b.Stamp {
		e.note(c)
		return nil
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
	var old Binding
	if e == nil {
		e = &entry{b: Binding{AOR: c.AOR, Kind: c.Kind, Contact: c.ID()}}
		s.put(e)
	} else {
		old = e.b
	}
	e.note(c)
	e.rival = 0
	newest := s.rival(c.AOR)
	for other := s.aors[c.AOR]; other != nil; other = other.next {
		newest = max(newest, other.b.Stamp)
	}
	e.b.Stamp = s.clock.Next(newest)
	return Change{Old: old, New: e.b}
}

func (e *entry) note(c Contact) {
	e.uri = c.URI
	if c.UserAgent != "" {
		e.agent = c.UserAgent
	}
	if x := millis(c.Expires); x != 0 {
		e.expires = x
	}
}

func (s *Store) put(e *entry) {
	for at := s.aors[e.b.AOR]; at != nil; at = at.next {
		if at.b.Contact == e.b.Contact {
			e.next = at.next
			*at = *e
			return
		}
	}
	e.next = s.aors[e.b.AOR]
	s.aors[e.b.AOR] = e
	s.n++
}

// drop takes an entry out; its next stays for who goes along the chain.
func (s *Store) drop(e *entry) Change {
	if first := s.aors[e.b.AOR]; first != e {
		for first.next != e {
			first = first.next
		}
		first.next = e.next
	} else if e.next == nil {
		delete(s.aors, e.b.AOR)
	} else {
		s.aors[e.b.AOR] = e.next
	}
	s.n--
	return Change{Old: e.b}
}
