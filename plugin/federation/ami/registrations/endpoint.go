package registrations

import (
	"github.com/asterfed/asterfed/plugin/federation/ami"
	"github.com/asterfed/asterfed/zone/location"
)

// endpointList takes the listing of one AOR, by its endpoint.
type endpointList struct {
	f      *follower
	aor    location.AOR
	sawAOR bool // the endpoint has the AOR
	rows   rows
}

// Row takes one event of PJSIPShowEndpoint.
func (l *endpointList) Row(m *ami.Message) error {
	f := l.f
	switch string(m.Get(ami.KeyEvent)) {
	case "AorDetail":
		l.sawAOR = l.sawAOR || m.Is(ami.KeyObjectName, string(l.aor))
	case "ContactStatusDetail":
		name, ok := AOR(m.Get(ami.KeyID))
		if !ok || string(name) != string(l.aor) {
			return nil
		}
		if c, ok := f.users.readContact(m, l.aor, f.users.user(l.aor)); ok {
			l.sawAOR = true
			l.rows.add(c)
		}
	}
	return nil
}

// maxRetries bounds how often one AOR is listed in a row because events for
// it keep coming; a later look is planned anyway.
const maxRetries = 5

// Done delivers the listing of one AOR.
func (l *endpointList) Done(_ *ami.Message, err error) error {
	l.done(err != nil, ami.Missing(err))
	return nil
}

// done is Done. Failed says that Asterisk refused the listing, missing that it did
// because there is no such endpoint.
func (l *endpointList) done(failed, missing bool) {
	f := l.f
	k := f.queue.asks[l.aor]
	if k == nil {
		return
	}
	f.queue.inFlight--
	delete(f.queue.asks, l.aor)
	if k.touched && k.retries < maxRetries && !failed {
		f.queue.add(l.aor, true, k.explicit)
		again := f.queue.asks[l.aor]
		again.retries, again.suspect = k.retries+1, k.suspect
		return
	}
	w := f.queue.waiting[l.aor]
	delete(f.queue.waiting, l.aor)
	u := f.users.user(l.aor)
	if k.suspect != 0 {
		gone := missing || !failed && !l.sawAOR
		f.configured.answered(l.aor, k.suspect, gone)
		if gone || f.shared() { // then only a full listing shows whose its contacts are
			return
		}
	}
	if failed || !l.sawAOR {
		if k.suspect == 0 && (u != nil && len(u.contacts) > 0 || k.explicit) {
			f.configured.stray() // it was renamed or deleted
		}
		return
	}
	if u == nil && l.rows.n == 0 {
		if k.explicit {
			f.cfg.Listener.ListedAOR(l.aor, location.PJSIP, nil)
		}
		return // a trunk or a provider: not a user
	}
	f.stats.aorListings.Add(1)
	l.deliver(w)
}

func (l *endpointList) deliver(w *waiting) {
	f := l.f
	now := f.cfg.Now()
	u := f.users.add(l.aor)
	u.gone = false
	var list []location.Contact
	p := f.users.pass(now)
	for c := range l.rows.all() {
		u.endpoint = c.endpoint
		h, revived := u.merge(c, p)
		if h.lapsed > 0 {
			continue
		}
		if w.has(c.uri) && !h.announced {
			revived, h.announced = true, true
		}
		if revived {
			f.cfg.Listener.Registered(c.contact())
		}
		list = append(list, c.contact())
	}
	u.settle(p)
	f.cfg.Listener.ListedAOR(l.aor, location.PJSIP, list)
	f.plan.at(u, u.nextDue(now))
	if again := f.users.again[u]; again.After(now) {
		f.plan.at(u, again)
	}
	delete(f.users.again, u)
}

func (w *waiting) has(uri string) bool {
	if w == nil {
		return false
	}
	for _, have := range w.uris {
		if have == uri {
			return true
		}
	}
	return false
}
