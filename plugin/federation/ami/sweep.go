package ami

import (
	"sort"
	"time"

	"github.com/asterfed/asterfed/zone/location"
)

// contactKey names a contact of one technology.
type contactKey struct {
	aor location.AOR
	uri string
}

// deliverPJSIP passes on a complete list of PJSIP contacts, corrected by the
// events that came while it was taken.
func (s *session) deliverPJSIP(r *request) {
	now := s.cfg.Now()
	s.sayOthers(r.others, r.rows.n)
	s.sayFormer(r.former)
	late := s.late(r)
	s.users.expect(r.rows.n)
	p := s.users.pass(now)
	for c := range r.rows.all() {
		if len(late) > 0 {
			key := contactKey{c.aor, c.uri}
			n, noted := late[key]
			delete(late, key)
			if noted && n.removed {
				r.rows.drop(c)
				continue
			}
		}
		s.sweepRow(r, c, p)
	}
	s.sweepLate(r, late, p)
	s.sweepUsers(p)
	s.queue.clear()
	s.askWaiting()
	s.counted(location.PJSIP, r.rows.n)
	s.stats.lastDuration.Store(int64(time.Since(s.full.started)))
	s.cfg.Registrar.ListedAll(location.PJSIP, s.listing(r))
}

// listing is what is left of the rows.
func (s *session) listing(r *request) location.Listing {
	return location.Listing{N: r.rows.n, All: func(yield func(location.Contact) bool) {
		for row := range r.rows.all() {
			c := row.contact()
			if !s.users.shared {
				c.Since = s.proves(&c)
			}
			if !yield(c) {
				return
			}
		}
	}}
}

// late returns the last event of each contact since the listing was sent.
func (s *session) late(r *request) map[contactKey]note {
	if len(s.full.notes) == 0 {
		return nil
	}
	out := map[contactKey]note{}
	for _, n := range s.full.notes {
		if n.tech == location.PJSIP {
			out[contactKey{n.aor, n.uri}] = n
		}
	}
	return out
}

// sweepRow takes a listed contact into the table. It drops the row of one that
// is not to be passed on.
func (s *session) sweepRow(r *request, c *row, p pass) {
	u := c.user
	if u == nil {
		u = s.users.add(c.aor)
	}
	if c.endpoint != "" {
		u.endpoint = c.endpoint
	}
	u.listed = s.sweep()
	if u.gone {
		r.rows.drop(c)
		return
	}
	if !s.initial && u.find(c.uri) == nil && !s.users.shared && !s.users.denied[c.aor] && !s.queue.waiting[c.aor].has(c.uri) {
		s.noteUnheard(contactKey{c.aor, c.uri})
	}
	h, revived := u.merge(c, p)
	if s.initial && s.young {
		h.since = 0
	}
	if h.lapsed > 0 {
		r.rows.drop(c)
		return
	}
	w := s.queue.waiting[c.aor]
	if w.has(c.uri) {
		s.queue.unwait(c.aor, c.uri)
		if !h.announced && !(s.initial && s.young) {
			revived, h.announced = true, true
		}
	}
	if revived {
		s.cfg.Registrar.Registered(c.contact())
	}
}

// sweepLate adds the contacts that were announced after the list was taken,
// of AORs that are users.
func (s *session) sweepLate(r *request, late map[contactKey]note, p pass) {
	for k, n := range late {
		u := s.users.user(k.aor)
		if n.removed || u == nil || s.users.shared {
			continue
		}
		w := s.queue.waiting[k.aor]
		old := u.find(k.uri)
		if old == nil && !w.has(k.uri) {
			continue
		}
		c := r.rows.add(row{user: u, aor: k.aor, uri: k.uri, endpoint: u.endpoint})
		if w.has(k.uri) {
			s.queue.unwait(k.aor, k.uri)
			s.cfg.Registrar.Registered(c.contact())
		}
		s.sweepRow(r, c, p)
		s.users.again[u] = p.now.Add(learnDelay)
	}
}

// sweep numbers the full listings of all connections.
func (s *session) sweep() uint64 { return s.users.sweeps + 1 }

// sweepUsers takes the contacts that were not listed from the users, and plans
// when to look at each again: in one pass, for memory is what it waits for.
func (s *session) sweepUsers(p pass) {
	n := s.sweep()
	s.plan.begin(len(s.users.byAOR))
	for a, u := range s.users.byAOR {
		u.settle(p)
		if n-u.listed > forgetAfter && len(s.users.byAOR) > manyUsers {
			delete(s.users.byAOR, a)
			delete(s.users.again, u)
			continue
		}
		s.plan.add(u, p.now, s.users.again[u])
	}
	s.plan.end()
	s.users.sweeps = n
}

const (
	// An AOR without contacts in so many listings is forgotten as a user, if
	// there are many; its next REGISTER is looked at as a stranger's.
	forgetAfter = 100
	manyUsers   = 200_000
)

// askWaiting looks at the AORs whose announcement the listing did not settle.
// One that was announced before the listing and is not in it is no user.
func (s *session) askWaiting() {
	var open []location.AOR
	for a, w := range s.queue.waiting {
		if w.listing < s.full.number {
			delete(s.queue.waiting, a)
			continue
		}
		open = append(open, a)
	}
	sort.Slice(open, func(i, j int) bool { return open[i] < open[j] })
	for _, a := range open {
		s.ask(a, false)
	}
}
