package location

import (
	"sort"
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
	aors  map[AOR]map[ContactID]*entry
	n     int
	// rival returns the newest stamp that another home claims an AOR with,
	// zero if none does.
	rival func(AOR) Stamp
}

type entry struct {
	b Binding
	// uri and agent are the registrar's own, empty until it has listed or
	// announced the contact since this process began.
	uri, agent string
	expires    time.Time
	// baseline is the expiry when rival was first known: only a later one
	// proves a REGISTER after the rival's (a return A→B→A).
	rival    Stamp
	baseline time.Time
}

// NewStore returns an empty store. The function rival is called from the
// store's methods and must not call back.
func NewStore(clock *Clock, rival func(AOR) Stamp) *Store {
	return &Store{clock: clock, rival: rival, aors: map[AOR]map[ContactID]*entry{}}
}

// Len returns the number of bindings.
func (s *Store) Len() int { return s.n }

// Count returns the number of bindings of one technology.
func (s *Store) Count(t Kind) int {
	n := 0
	for _, cs := range s.aors {
		for _, e := range cs {
			if e.b.Kind == t {
				n++
			}
		}
	}
	return n
}

// Restore puts back a binding that a journal or a peer has kept.
func (s *Store) Restore(b Binding) { s.put(&entry{b: b}) }

// Recover takes over a binding that a peer has kept of this home: the stamp
// of a contact that has none, or the whole binding, unless the registrar has
// been listed since and does not know it.
func (s *Store) Recover(b Binding, listed bool) []Change {
	s.clock.Observe(b.Stamp)
	e, known := s.aors[b.AOR][b.Contact]
	switch {
	case known && e.b.Stamp == 0 && b.Stamp != 0:
		old := e.b
		e.b.Stamp = b.Stamp
		return []Change{{Old: old, New: e.b}}
	case known || listed:
		return nil
	}
	s.Restore(b)
	return []Change{{New: b}}
}

// Bindings returns all bindings in no particular order.
func (s *Store) Bindings() []Binding {
	out := make([]Binding, 0, s.n)
	for _, cs := range s.aors {
		for _, e := range cs {
			out = append(out, e.b)
		}
	}
	return out
}

// Has reports whether any contact of the AOR is bound here.
func (s *Store) Has(a AOR) bool { return len(s.aors[a]) > 0 }

// Contacts returns the contacts of an AOR that the registrar has told of.
func (s *Store) Contacts(a AOR) []Contact {
	var out []Contact
	for _, e := range s.aors[a] {
		if e.uri != "" {
			out = append(out, e.contact())
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].URI < out[j].URI })
	return out
}

func (e *entry) contact() Contact {
	return Contact{AOR: e.b.AOR, Kind: e.b.Kind, URI: e.uri, Expires: e.expires, UserAgent: e.agent}
}

// Register records a REGISTER seen as it happened; the claim gets a new stamp
// unless the contact is known and no other home claims the AOR with a newer
// one (a refresh is not news).
func (s *Store) Register(c Contact) []Change {
	e, known := s.aors[c.AOR][c.ID()]
	if known && e.b.Stamp != 0 && s.rival(c.AOR) < e.b.Stamp {
		e.note(c)
		return nil
	}
	return s.stamp(e, c)
}

// Observe records that the registrar lists the contact now. A contact not
// known before is bound without a stamp.
func (s *Store) Observe(c Contact) []Change {
	e, known := s.aors[c.AOR][c.ID()]
	if !known {
		e = &entry{b: Binding{AOR: c.AOR, Kind: c.Kind, Contact: c.ID()}}
		e.note(c)
		e.rival, e.baseline = s.rival(c.AOR), c.Expires
		s.put(e)
		return []Change{{New: e.b}}
	}
	advanced := s.returned(e, c)
	e.note(c)
	if advanced {
		return s.stamp(e, c)
	}
	return nil
}

// returned reports whether the listing proves a REGISTER that is newer than
// every claim known when the baseline was taken, and takes a new baseline
// where the rival is new.
func (s *Store) returned(e *entry, c Contact) bool {
	rival := s.rival(c.AOR)
	if e.b.Stamp != 0 && rival <= e.b.Stamp {
		e.rival = 0
		return false
	}
	if e.rival != rival || e.baseline.IsZero() {
		e.rival, e.baseline = rival, c.Expires
		return false
	}
	return c.Expires.After(e.baseline)
}

// ObserveAOR records a listing that is complete for one AOR and technology.
func (s *Store) ObserveAOR(a AOR, t Kind, list []Contact) []Change {
	var out []Change
	seen := make(map[ContactID]bool, len(list))
	for _, c := range list {
		seen[c.ID()] = true
		out = append(out, s.Observe(c)...)
	}
	for id, e := range s.aors[a] {
		if e.b.Kind == t && !seen[id] {
			out = append(out, s.drop(e))
		}
	}
	return out
}

// Sweep records a complete listing of one technology: what it lacks is gone.
func (s *Store) Sweep(t Kind, list []Contact) []Change {
	var out []Change
	seen := make(map[AOR]map[ContactID]bool, len(list))
	for _, c := range list {
		if seen[c.AOR] == nil {
			seen[c.AOR] = make(map[ContactID]bool, 1)
		}
		seen[c.AOR][c.ID()] = true
		out = append(out, s.Observe(c)...)
	}
	for a, cs := range s.aors {
		for id, e := range cs {
			if e.b.Kind == t && !seen[a][id] {
				out = append(out, s.drop(e))
			}
		}
	}
	return out
}

// Remove records that the registrar removed the contact.
func (s *Store) Remove(a AOR, t Kind, uri string) []Change {
	e, ok := s.aors[a][Contact{AOR: a, Kind: t, URI: uri}.ID()]
	if !ok {
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
	for a, cs := range s.aors {
		if !must(a) {
			continue
		}
		for _, e := range cs {
			out = append(out, s.drop(e))
		}
	}
	return out
}

func (s *Store) stamp(e *entry, c Contact) []Change {
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
	for _, other := range s.aors[c.AOR] {
		newest = max(newest, other.b.Stamp)
	}
	e.b.Stamp = s.clock.Next(newest)
	return []Change{{Old: old, New: e.b}}
}

func (e *entry) note(c Contact) {
	e.uri = c.URI
	if c.UserAgent != "" {
		e.agent = c.UserAgent
	}
	if !c.Expires.IsZero() {
		e.expires = c.Expires
	}
}

func (s *Store) put(e *entry) {
	cs := s.aors[e.b.AOR]
	if cs == nil {
		cs = make(map[ContactID]*entry, 1)
		s.aors[e.b.AOR] = cs
	}
	if _, ok := cs[e.b.Contact]; !ok {
		s.n++
	}
	cs[e.b.Contact] = e
}

func (s *Store) drop(e *entry) Change {
	cs := s.aors[e.b.AOR]
	delete(cs, e.b.Contact)
	if len(cs) == 0 {
		delete(s.aors, e.b.AOR)
	}
	s.n--
	return Change{Old: e.b}
}
