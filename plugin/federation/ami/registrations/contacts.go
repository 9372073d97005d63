package registrations

import (
	"sort"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami"
	"github.com/asterfed/asterfed/zone/location"
)

// contactKey names a contact of one technology.
type contactKey struct {
	aor location.AOR
	uri string
}

// contactList takes a list of all PJSIP contacts and delivers it, corrected by the
// events that came while it was taken.
type contactList struct {
	f      *follower
	rows   rows
	others map[string]int // rows of other RegServers
	former map[string]int // rows of this Asterisk under other names
}

// Patience implements ami.Patient.
func (l *contactList) Patience() time.Duration { return l.f.patience() }

// Row takes one ContactList event. Rows that have expired are kept: they may be
// refreshed before Asterisk removes them.
func (l *contactList) Row(m *ami.Message) error {
	if l.foreign(m) {
		return nil
	}
	f := l.f
	name, ok := AOR(m.Get(ami.KeyObjectName))
	if !ok {
		return nil
	}
	u := f.users.user(location.AOR(name))
	var a location.AOR
	if u != nil {
		a = u.aor
	} else if a, ok = f.stranger(name); !ok {
		return nil
	}
	if c, ok := f.users.readContact(m, a, u); ok {
		l.rows.add(c)
	}
	return nil
}

// foreign reports whether another Asterisk that shares the database of
// contacts took the registration. An Asterisk without such a database has taken
// all that it lists, perhaps under another system name.
func (l *contactList) foreign(m *ami.Message) bool {
	reg := m.Get(ami.KeyRegServer)
	s := l.f.conn.Settings()
	if len(reg) == 0 || !s.Known || string(reg) == s.SystemName {
		return false
	}
	if s.Realtime && (l.f.cfg.Former == nil || !l.f.cfg.Former(string(reg))) {
		l.others = counted(l.others, reg)
		return true
	}
	l.former = counted(l.former, reg)
	return false
}

// counted adds one to the count of a name, of which there are maxOthers at most.
func counted(m map[string]int, name []byte) map[string]int {
	if m == nil {
		m = map[string]int{}
	}
	if len(m) < maxOthers || m[string(name)] > 0 {
		m[string(name)]++
	}
	return m
}

// maxOthers bounds how many other RegServers are counted.
const maxOthers = 20

// Done implements ami.Handler.
func (l *contactList) Done(_ *ami.Message, err error) error {
	n, now := 0, l.f.cfg.Now()
	for c := range l.rows.all() {
		if !expired(c.expires, now) {
			n++
		}
	}
	return l.f.listDone(location.PJSIP, err, n, l.deliver)
}

func (l *contactList) deliver() {
	f := l.f
	l.sayOthers()
	l.sayFormer()
	now := f.cfg.Now()
	late := l.late()
	f.users.expect(l.rows.n)
	p := f.users.pass(now)
	for c := range l.rows.all() {
		if len(late) > 0 {
			key := contactKey{c.aor, c.uri}
			n, noted := late[key]
			delete(late, key)
			if noted && n.removed {
				l.rows.drop(c)
				continue
			}
		}
		l.sweepRow(c, p)
	}
	l.sweepLate(late, p)
	f.planUsers(p)
	f.queue.clear()
	l.askWaiting()
	f.delivered(location.PJSIP, l.rows.n)
	f.stats.lastDuration.Store(int64(time.Since(f.full.started)))
	f.cfg.Listener.ListedAll(location.PJSIP, l.listing())
}

// listing is what is left of the rows.
func (l *contactList) listing() location.Listing {
	f := l.f
	return location.Listing{N: l.rows.n, All: func(yield func(location.Contact) bool) {
		for row := range l.rows.all() {
			c := row.contact()
			if !f.shared() {
				c.Since = l.f.marks.proves(&c)
			}
			if !yield(c) {
				return
			}
		}
	}}
}

// late returns the last event of each contact since the listing was sent.
func (l *contactList) late() map[contactKey]note {
	f := l.f
	if len(f.full.notes) == 0 {
		return nil
	}
	out := map[contactKey]note{}
	for _, n := range f.full.notes {
		if n.tech == location.PJSIP {
			out[contactKey{n.aor, n.uri}] = n
		}
	}
	return out
}

// sweepRow takes a listed contact into the table. It drops the row of one that
// is not to be passed on.
func (l *contactList) sweepRow(c *row, p pass) {
	f := l.f
	u := c.user
	if u == nil {
		u = f.users.add(c.aor)
	}
	if c.endpoint != "" {
		u.endpoint = c.endpoint
	}
	u.listed = f.users.sweep()
	if u.gone {
		l.rows.drop(c)
		return
	}
	if !f.initial && u.find(c.uri) == nil && !f.shared() && !f.users.denied[c.aor] && !f.queue.waiting[c.aor].has(c.uri) {
		f.heard.miss(contactKey{c.aor, c.uri})
	}
	h, revived := u.merge(c, p)
	if f.initial && f.young {
		h.since = 0
	}
	if h.lapsed > 0 {
		l.rows.drop(c)
		return
	}
	w := f.queue.waiting[c.aor]
	if w.has(c.uri) {
		f.queue.unwait(c.aor, c.uri)
		if !h.announced && !(f.initial && f.young) {
			revived, h.announced = true, true
		}
	}
	if revived {
		f.cfg.Listener.Registered(c.contact())
	}
}

// sweepLate adds the contacts that were announced after the list was taken,
// of AORs that are users.
func (l *contactList) sweepLate(late map[contactKey]note, p pass) {
	f := l.f
	for k, n := range late {
		u := f.users.user(k.aor)
		if n.removed || u == nil || f.shared() {
			continue
		}
		w := f.queue.waiting[k.aor]
		old := u.find(k.uri)
		if old == nil && !w.has(k.uri) {
			continue
		}
		c := l.rows.add(row{user: u, aor: k.aor, uri: k.uri, endpoint: u.endpoint})
		if w.has(k.uri) {
			f.queue.unwait(k.aor, k.uri)
			f.cfg.Listener.Registered(c.contact())
		}
		l.sweepRow(c, p)
		f.users.again[u] = p.now.Add(learnDelay)
	}
}

// askWaiting looks at the AORs whose announcement the listing did not settle.
// One that was announced before the listing and is not in it is no user.
func (l *contactList) askWaiting() {
	f := l.f
	var open []location.AOR
	for a, w := range f.queue.waiting {
		if w.listing < f.full.number {
			delete(f.queue.waiting, a)
			continue
		}
		open = append(open, a)
	}
	sort.Slice(open, func(i, j int) bool { return open[i] < open[j] })
	for _, a := range open {
		f.ask(a, false)
	}
}

// sayOthers logs whose contacts are left out, when that changes.
func (l *contactList) sayOthers() {
	f := l.f
	s := f.conn.Settings()
	if s.Realtime && s.SystemName == "" && l.rows.n > 0 {
		f.conn.Say("systemname", "Asterisk has no systemname in asterisk.conf: the contacts of a shared database cannot be told apart")
	}
	for name, n := range l.others {
		if f.users.others[name] == 0 {
			f.cfg.Logger.Info("contacts of another Asterisk, or of an earlier systemname of this one, are left out",
				"regserver", name, "systemname", s.SystemName, "contacts", n)
		}
	}
	f.users.others = l.others
}

// sayFormer logs which contacts were taken under another system name of this
// Asterisk, when that changes.
func (l *contactList) sayFormer() {
	f := l.f
	for name, n := range l.former {
		if f.users.former[name] == 0 {
			f.cfg.Logger.Info("contacts carry another RegServer than the systemname of this Asterisk; they are its own",
				"regserver", name, "systemname", f.conn.Settings().SystemName, "contacts", n)
		}
	}
	f.users.former = l.former
}

func (f *follower) delivered(t location.Kind, n int) {
	f.stats.listings.Add(1)
	f.stats.size[t].Store(int64(n))
}
