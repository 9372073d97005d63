package ami

import (
	"slices"
	"strings"
	"time"
)

// ServiceWatcher is told of services. Its methods are called in order from the
// goroutine of the Source and must not block.
type ServiceWatcher interface {
	// Follows reports whether a class matters, asked once a connection.
	Follows(Class) bool
	// Service: a room or a parked call has come, or gone.
	Service(c Class, name string, there bool)
	// Services: these are all of a class, by name. The list is the callee's.
	Services(c Class, list []Service)
}

const (
	servicesEvery = 30 * time.Second
	// servicesPoll takes the place of events until one was heard: nothing else
	// tells whether they are granted.
	servicesPoll = time.Second
	// servicesPause is from a sign to the list that it asks for, however many
	// signs there are.
	servicesPause = 100 * time.Millisecond
)

// serviceWatch is what is known of the services of one class.
type serviceWatch struct {
	at      time.Time // when to list, zero for never
	listing bool
	again   bool // an event came meanwhile
	events  bool // one was heard, so that they are granted
	silent  bool // the last list differed, and no event has told of it
	listed  bool // there was a list in this connection
	fresh   bool // Asterisk has been started since the last one
	refused bool // in this connection
	known   []Service
}

// want lists no later than at, unless the list is refused.
func (w *serviceWatch) want(at time.Time) {
	if !w.at.IsZero() && at.Before(w.at) {
		w.at = at
	}
}

func (w *serviceWatch) wakeAt() time.Time {
	if w.listing {
		return time.Time{}
	}
	return w.at
}

// beginServices runs at FullyBooted. An Asterisk that has been started since the
// last connection has no services from before, if it does not tell which it has.
func (s *session) beginServices(now time.Time, uptime int64, known bool) {
	s.services = [NumClasses]serviceWatch{}
	if s.cfg.Services == nil {
		return
	}
	fresh := known && (uptime < bootUptime || !s.servicesAt.IsZero() && uptime < int64(now.Sub(s.servicesAt).Seconds()))
	s.servicesAt = now
	for c := range NumClasses {
		if s.cfg.Services.Follows(c) {
			s.services[c] = serviceWatch{at: now, fresh: fresh}
		}
	}
}

// service takes an event of a service.
func (s *session) service(at sign, m *message) {
	w := &s.services[at.class]
	if s.cfg.Services == nil || !s.cfg.Services.Follows(at.class) {
		return
	}
	w.events, w.again = true, w.listing
	if at.what != comes { // of two lots, one may have the slot still
		w.want(time.Now().Add(servicesPause))
	}
	if at.what == differs {
		return
	}
	name := m.text(classes[at.class].key)
	if name == "" || len(name) > maxURI {
		return
	}
	w.known = slices.DeleteFunc(w.known, func(k Service) bool { return k.Name == name })
	if at.what == comes {
		w.known = append(w.known, Service{Name: name})
	}
	s.cfg.Services.Service(at.class, name, at.what == comes)
}

// relistServices lists everything that is followed anew, also what was refused:
// a module may have been loaded.
func (s *session) relistServices(at time.Time) {
	for c := range NumClasses {
		if w := &s.services[c]; s.cfg.Services != nil && s.cfg.Services.Follows(c) && !w.listing {
			w.at = at
		}
	}
}

// stepServices begins the lists that are due.
func (s *session) stepServices(now time.Time) error {
	for c := range NumClasses {
		w := &s.services[c]
		if w.listing || w.at.IsZero() || now.Before(w.at) {
			continue
		}
		w.listing, w.again = true, false
		if err := s.send(classes[c].list, &request{look: true, service: c}); err != nil {
			return err
		}
	}
	return nil
}

// serviceAnswer takes a message that answers a list of services.
func (s *session) serviceAnswer(id uint64, r *request, m *message, end bool) error {
	c := r.service
	if !end {
		if v, ok := c.service(m); ok && m.is(keyEvent, classes[c].row) && len(r.services) < maxRows {
			r.services = append(r.services, v)
		}
		return nil
	}
	delete(s.pending, id)
	w := &s.services[c]
	w.listing, w.at = false, time.Now().Add(servicesEvery)
	if none := classes[c].none; m.is(keyResponse, "Error") && (none == "" || !strings.HasPrefix(m.text(keyMessage), none)) {
		s.unlisted(c, m)
		return nil
	}
	if w.again {
		w.at = time.Now().Add(servicesPause)
		if c != Queues { // what a list misses may be one of those that events told of
			return nil
		}
	}
	list := sorted(r.services)
	differ := w.listed && !slices.Equal(list, sorted(w.known))
	if w.silent && !w.events {
		s.say(c.String()+" events", "Asterisk does not tell when "+c.String()+" change; they are asked for every second", "missing", "read="+classes[c].read)
	}
	s.lacks = s.lacks || differ && !w.events
	w.silent = differ && !w.events
	if !w.events {
		w.at = time.Now().Add(servicesPoll)
	}
	if !w.again && slices.ContainsFunc(list, func(v Service) bool { return v.Staffed == Busy }) {
		w.at = time.Now().Add(servicesPoll) // the end of a wrap-up time sends no event
	}
	w.known, w.listed = slices.Clone(list), true
	s.cfg.Services.Services(c, list)
	return nil
}

// unlisted goes on without a list that Asterisk refuses.
func (s *session) unlisted(c Class, m *message) {
	w := &s.services[c]
	w.at = time.Time{}
	args := []any{"answer", m.text(keyMessage)}
	if need := classes[c].write; need != "" && !unknownAction(m) {
		s.lacks = true
		args = append(args, "missing", "write="+need)
	}
	// Who was parked may have been fetched before this connection. Later on events
	// have told of everything.
	if first := !w.refused && !s.again; unknownAction(m) || first && (w.fresh || c == Parked) {
		s.cfg.Services.Services(c, nil)
	}
	w.refused = true
	s.say(c.String(), "Asterisk does not list "+c.String()+": only events tell of them", args...)
}

// sorted sorts by name; of those that share one, as slots of two lots may, it
// keeps one.
func sorted(list []Service) []Service {
	slices.SortFunc(list, func(a, b Service) int { return strings.Compare(a.Name, b.Name) })
	return slices.CompactFunc(list, func(a, b Service) bool { return a.Name == b.Name })
}

// say logs something once for each connection.
func (s *session) say(what, msg string, args ...any) {
	if !s.logged[what] {
		s.logged[what] = true
		s.cfg.Logger.Warn(msg, args...)
	}
}
