package ami

import (
	"time"

	"github.com/asterfed/asterfed/zone/location"
)

// request is an action that was sent, and what its answer has brought so far.
type request struct {
	action action
	tech   location.Kind
	rows   rows               // PJSIP
	peers  []location.Contact // chan_sip, IAX2
	aor    location.AOR       // actEndpoint
	sawAOR bool               // the endpoint has the AOR
	others map[string]int     // rows of other RegServers
	former map[string]int     // rows of this Asterisk under other names
	look   bool               // of trunks, or of services
	probe  bool               // whether lists are answered
	device Device             // actEndpoint, of a trunk

	service  Class // of a list of services
	services []Service
}

// ask queues the listing of one AOR, at once.
func (s *session) ask(a location.AOR, explicit bool) {
	if s.users.shared {
		s.full.want(pjsipOnly, time.Now())
		return
	}
	s.queue.add(a, true, explicit)
}

// stepRivals asks which AORs another home claims, and lists those again.
func (s *session) stepRivals(now time.Time) {
	if s.cfg.Rivals == nil || now.Before(s.rivalsAt) {
		return
	}
	s.rivalsAt = now.Add(s.cfg.RivalInterval)
	s.rivals = nil
	var list []location.AOR
	for _, a := range s.cfg.Rivals() {
		u := s.users.user(a)
		if u == nil || len(u.contacts) == 0 {
			continue
		}
		if s.rivals == nil {
			s.rivals = map[string]location.AOR{}
		}
		s.rivals[string(a)] = a
		if u.endpoint != "" {
			s.rivals[u.endpoint] = a
		}
		list = append(list, a)
	}
	s.askPlanned(list)
}

// stepDue lists the AORs whose time has come.
func (s *session) stepDue() {
	now := s.cfg.Now()
	var list []location.AOR
	for u := s.plan.pop(now); u != nil; u = s.plan.pop(now) {
		list = append(list, u.aor)
	}
	s.askPlanned(list)
}

// askPlanned queues AORs, or everything if there are many.
func (s *session) askPlanned(list []location.AOR) {
	if len(list) == 0 {
		return
	}
	if s.users.shared || len(list)+len(s.queue.planned) > maxDue {
		s.full.want(pjsipOnly, time.Now())
		return
	}
	for _, a := range list {
		s.queue.add(a, false, false)
	}
}

// stepQueue sends what may be sent. Nothing is while a full listing is under
// way, which answers most of it.
func (s *session) stepQueue() error {
	if s.initial || s.full.running[location.PJSIP] != nil {
		return nil
	}
	if len(s.queue.urgent) > maxUrgent {
		s.full.want(pjsipOnly, time.Now())
		return nil
	}
	now := time.Now()
	for {
		a, k, ok := s.queue.next(now)
		if !ok {
			return nil
		}
		k.touched = false
		endpoint := string(a)
		if w := s.queue.waiting[a]; w != nil && w.endpoint != "" {
			endpoint = w.endpoint
		} else if u := s.users.user(a); u != nil && u.endpoint != "" {
			endpoint = u.endpoint
		}
		if err := s.send(actEndpoint, &request{aor: a}, endpoint); err != nil {
			return err
		}
	}
}

// endpointRow takes one event of PJSIPShowEndpoint.
func (s *session) endpointRow(r *request, m *message) {
	switch string(m.get(keyEvent)) {
	case "AorDetail":
		r.sawAOR = r.sawAOR || m.is(keyObjectName, string(r.aor))
	case "ContactStatusDetail":
		name, ok := registeredAOR(m.get(keyID))
		if !ok || string(name) != string(r.aor) {
			return
		}
		if c, ok := s.contactRow(m, r.aor, s.users.user(r.aor)); ok {
			r.sawAOR = true
			r.rows.add(c)
		}
	}
}

// maxRetries bounds how often one AOR is listed in a row because events for
// it keep coming; a later look is planned anyway.
const maxRetries = 5

// endpointDone delivers the listing of one AOR. Failed says that Asterisk
// refused it, missing that it did because there is no such endpoint.
func (s *session) endpointDone(r *request, failed, missing bool) {
	k := s.queue.asks[r.aor]
	if k == nil {
		return
	}
	s.queue.inFlight--
	delete(s.queue.asks, r.aor)
	if k.touched && k.retries < maxRetries && !failed {
		s.queue.add(r.aor, true, k.explicit)
		again := s.queue.asks[r.aor]
		again.retries, again.suspect = k.retries+1, k.suspect
		return
	}
	w := s.queue.waiting[r.aor]
	delete(s.queue.waiting, r.aor)
	u := s.users.user(r.aor)
	if k.suspect != 0 {
		gone := missing || !failed && !r.sawAOR
		s.suspectDone(r.aor, k.suspect, gone)
		if gone || s.users.shared { // then only a full listing tells whose its contacts are
			return
		}
	}
	if failed || !r.sawAOR {
		if k.suspect == 0 && (u != nil && len(u.contacts) > 0 || k.explicit) {
			s.stray() // it was renamed or deleted
		}
		return
	}
	if u == nil && r.rows.n == 0 {
		if k.explicit {
			s.cfg.Registrar.ListedAOR(r.aor, location.PJSIP, nil)
		}
		return // a trunk or a provider: not a user
	}
	s.stats.aorListings.Add(1)
	s.deliverAOR(r, w)
}

func (s *session) deliverAOR(r *request, w *waiting) {
	now := s.cfg.Now()
	u := s.users.add(r.aor)
	u.gone = false
	var list []location.Contact
	p := s.users.pass(now)
	for c := range r.rows.all() {
		u.endpoint = c.endpoint
		h, revived := u.merge(c, p)
		if h.lapsed > 0 {
			continue
		}
		if w.has(c.uri) && !h.announced {
			revived, h.announced = true, true
		}
		if revived {
			s.cfg.Registrar.Registered(c.contact())
		}
		list = append(list, c.contact())
	}
	u.settle(p)
	s.cfg.Registrar.ListedAOR(r.aor, location.PJSIP, list)
	s.plan.at(u, u.nextDue(now))
	if again := s.users.again[u]; again.After(now) {
		s.plan.at(u, again)
	}
	delete(s.users.again, u)
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
