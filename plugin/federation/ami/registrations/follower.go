package registrations

import (
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami"
	"github.com/asterfed/asterfed/zone/location"
)

// follower is a Source on one connection.
type follower struct {
	*Source
	conn *ami.Conn

	// young: Asterisk was still starting when the connection began, so that
	// announcements of old contacts may trail in.
	young bool
	again bool // see ami.Boot
	// initial: the first PJSIP listing of this connection is not complete.
	initial bool

	marks      marks
	full       fullListing
	configured configured
	heard      announcements
	queue      aorQueue
	plan       schedule
	rivals     map[string]location.AOR // by AOR and by endpoint
	rivalsAt   time.Time               // when to ask for rivals next
}

func newFollower(s *Source, c *ami.Conn) *follower {
	f := &follower{Source: s, conn: c, initial: true}
	f.marks.f, f.configured.f, f.heard.f = f, f, f
	f.queue.reset()
	return f
}

// step starts the work that is due and returns when there is more.
func (f *follower) step(now time.Time) (next time.Time, err error) {
	f.heard.step(now)
	f.stepRivals(now)
	f.marks.step(now)
	for a := range f.takeRechecks() {
		f.ask(a, true)
	}
	f.stepDue()
	if err := f.stepFull(now); err != nil {
		return now, err
	}
	if err := f.stepQueue(); err != nil {
		return now, err
	}
	for _, at := range [...]time.Time{f.rivalsAt, f.heard.wakeAt(), f.full.wakeAt(), f.queue.wakeAt(now), f.dueAt(now)} {
		if !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next, nil
}

// dueAt returns when the next look at a user is due: that time is by Config.Now,
// not the clock of the connection.
func (f *follower) dueAt(now time.Time) time.Time {
	at := f.plan.next()
	if at.IsZero() {
		return at
	}
	return now.Add(at.Sub(f.cfg.Now()))
}

// shared reports whether several Asterisks may share the database of contacts.
// Events and listings of single AORs then do not tell whose a contact is; only a
// full listing does, by RegServer.
func (f *follower) shared() bool { return f.conn.Settings().Realtime }

// ask queues the listing of one AOR, at once.
func (f *follower) ask(a location.AOR, explicit bool) {
	if f.shared() {
		f.full.want(pjsipOnly, time.Now())
		return
	}
	f.queue.add(a, true, explicit)
}

// stepRivals asks which AORs another home claims, and lists those again.
func (f *follower) stepRivals(now time.Time) {
	if f.cfg.Rivals == nil || now.Before(f.rivalsAt) {
		return
	}
	f.rivalsAt = now.Add(f.cfg.RivalInterval)
	f.rivals = nil
	var list []location.AOR
	for _, a := range f.cfg.Rivals() {
		u := f.users.user(a)
		if u == nil || len(u.contacts) == 0 {
			continue
		}
		if f.rivals == nil {
			f.rivals = map[string]location.AOR{}
		}
		f.rivals[string(a)] = a
		if u.endpoint != "" {
			f.rivals[u.endpoint] = a
		}
		list = append(list, a)
	}
	f.askPlanned(list)
}

// stepDue lists the AORs whose time has come.
func (f *follower) stepDue() {
	now := f.cfg.Now()
	var list []location.AOR
	for u := f.plan.pop(now); u != nil; u = f.plan.pop(now) {
		list = append(list, u.aor)
	}
	if len(list) > 0 && f.shared() {
		f.full.want(pjsipOnly, time.Now().Add(sharedDelay))
		return
	}
	f.askPlanned(list)
}

// sharedDelay is from an expiry that is due to the full listing that it takes in
// a shared database, where some expiry is due at almost every moment.
const sharedDelay = 5 * time.Second

// askPlanned queues AORs, or everything if there are many.
func (f *follower) askPlanned(list []location.AOR) {
	if len(list) == 0 {
		return
	}
	if f.shared() || len(list)+len(f.queue.planned) > maxDue {
		f.full.want(pjsipOnly, time.Now())
		return
	}
	for _, a := range list {
		f.queue.add(a, false, false)
	}
}

// stepQueue sends what may be sent. Nothing is while a full listing is under
// way, which answers most of it.
func (f *follower) stepQueue() error {
	if f.initial || f.full.running[location.PJSIP] {
		return nil
	}
	if len(f.queue.urgent) > maxUrgent {
		f.full.want(pjsipOnly, time.Now())
		return nil
	}
	now := time.Now()
	for {
		a, k, ok := f.queue.next(now)
		if !ok {
			return nil
		}
		k.touched = false
		endpoint := string(a)
		if w := f.queue.waiting[a]; w != nil && w.endpoint != "" {
			endpoint = w.endpoint
		} else if u := f.users.user(a); u != nil && u.endpoint != "" {
			endpoint = u.endpoint
		}
		if err := f.conn.Send(ami.ActEndpoint, &endpointList{f: f, aor: a}, endpoint); err != nil {
			return err
		}
	}
}

// planUsers takes the contacts that a full listing has not shown from the users,
// and plans when to look at each again: in one pass, for memory is what it waits
// for.
func (f *follower) planUsers(p pass) {
	n := f.users.sweep()
	f.plan.begin(len(f.users.byAOR))
	for a, u := range f.users.byAOR {
		u.settle(p)
		if n-u.listed > forgetAfter && len(f.users.byAOR) > manyUsers {
			delete(f.users.byAOR, a)
			delete(f.users.again, u)
			continue
		}
		f.plan.add(u, p.now, f.users.again[u])
	}
	f.plan.end()
	f.users.sweeps = n
}

const (
	// An AOR without contacts in so many listings is forgotten as a user, if
	// there are many; its next REGISTER is looked at as a stranger's.
	forgetAfter = 100
	manyUsers   = 200_000
)
