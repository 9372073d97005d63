package pbx

import (
	"slices"
	"strings"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami"
)

// ServiceWatcher receives the services of Asterisk. Its methods are called in order from the
// goroutine of the Client and must not block.
type ServiceWatcher interface {
	// Follows reports whether a class matters. It does not change.
	Follows(Class) bool
	// Service: a room or a parked call has come, or gone.
	Service(c Class, name string, there bool)
	// Services: these are all of a class, by name. The list is the callee's.
	Services(c Class, list []Service)
}

const (
	servicesEvery = 30 * time.Second
	// servicesPoll is how often services are listed until an event was heard:
	// nothing else shows whether the manager user may hear them.
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
	events  bool // one was heard, so that the manager user may hear them
	silent  bool // the last list differed, and no event has announced it
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

// Services is the part of a Client that follows conference rooms, queues and
// parked calls.
type Services struct {
	watcher ServiceWatcher
	conn    *ami.Conn
	again   bool      // see ami.Boot
	begun   time.Time // when a connection last began
	of      [NumClasses]serviceWatch
}

// NewServices returns a part that reports to the watcher.
func NewServices(w ServiceWatcher) *Services { return &Services{watcher: w} }

// Classes implements ami.Part.
func (s *Services) Classes() (out []string) {
	for c := range NumClasses {
		if s.watcher.Follows(c) {
			out = append(out, classes[c].read)
		}
	}
	return out
}

// Begin implements ami.Part. An Asterisk that was started after the last
// connection and does not list its services has none of before.
func (s *Services) Begin(c *ami.Conn, b ami.Boot) error {
	now := time.Now()
	fresh := b.Known && (b.Young() || !s.begun.IsZero() && b.Uptime < now.Sub(s.begun).Truncate(time.Second))
	s.conn, s.again, s.begun, s.of = c, b.Again, now, [NumClasses]serviceWatch{}
	for c := range NumClasses {
		if s.watcher.Follows(c) {
			s.of[c] = serviceWatch{at: now, fresh: fresh}
		}
	}
	return nil
}

// Event implements ami.Part.
func (s *Services) Event(m *ami.Message) error {
	name := string(m.Get(ami.KeyEvent))
	if at, ok := signs[name]; ok {
		s.changed(at, m)
	} else if name == "Reload" {
		s.relist(time.Now().Add(reloadDelay))
	}
	return nil
}

// changed takes an event of a service.
func (s *Services) changed(at sign, m *ami.Message) {
	w := &s.of[at.class]
	if !s.watcher.Follows(at.class) {
		return
	}
	w.events, w.again = true, w.listing
	if at.what != comes { // of two lots, one may have the slot still
		w.want(time.Now().Add(servicesPause))
	}
	if at.what == differs {
		return
	}
	name := m.Text(classes[at.class].key)
	if name == "" || len(name) > maxName {
		return
	}
	w.known = slices.DeleteFunc(w.known, func(k Service) bool { return k.Name == name })
	if at.what == comes {
		w.known = append(w.known, Service{Name: name})
	}
	s.watcher.Service(at.class, name, at.what == comes)
}

// relist lists everything that is followed again, also what was refused: a module
// may have been loaded.
func (s *Services) relist(at time.Time) {
	for c := range NumClasses {
		if w := &s.of[c]; s.watcher.Follows(c) && !w.listing {
			w.at = at
		}
	}
}

// Step implements ami.Part: it begins the lists that are due.
func (s *Services) Step(now time.Time) (next time.Time, err error) {
	for c := range NumClasses {
		w := &s.of[c]
		if !w.listing && !w.at.IsZero() && !now.Before(w.at) {
			w.listing, w.again = true, false
			if err := s.conn.Send(classes[c].list, &serviceList{services: s, class: c}); err != nil {
				return now, err
			}
		}
		if at := w.wakeAt(); !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next, nil
}

// serviceList takes a list of the services of one class.
type serviceList struct {
	services *Services
	class    Class
	list     []Service
}

func (l *serviceList) Row(m *ami.Message) error {
	if v, ok := l.class.service(m); ok && m.Is(ami.KeyEvent, classes[l.class].row) {
		l.list = append(l.list, v)
	}
	return nil
}

func (l *serviceList) Done(m *ami.Message, err error) error {
	s, c := l.services, l.class
	w := &s.of[c]
	w.listing, w.at = false, time.Now().Add(servicesEvery)
	if none := classes[c].none; err != nil && (none == "" || !strings.HasPrefix(m.Text(ami.KeyMessage), none)) {
		s.unlisted(c, m, err)
		return nil
	}
	if w.again {
		w.at = time.Now().Add(servicesPause)
		if c != Queues { // what a list misses may be one that an event announced
			return nil
		}
	}
	list := sorted(l.list)
	differ := w.listed && !slices.Equal(list, sorted(w.known))
	if w.silent && !w.events {
		s.conn.Say(c.String()+" events", "Asterisk does not tell when "+c.String()+" change; asterfed lists them every second", "missing", "read="+classes[c].read)
	}
	if w.silent = differ && !w.events; w.silent {
		s.conn.Lack()
	}
	if !w.events {
		w.at = time.Now().Add(servicesPoll)
	}
	if !w.again && slices.ContainsFunc(list, func(v Service) bool { return v.Staffed == Busy }) {
		w.at = time.Now().Add(servicesPoll) // the end of a wrap-up time sends no event
	}
	w.known, w.listed = slices.Clone(list), true
	s.watcher.Services(c, list)
	return nil
}

// unlisted goes on without a list that Asterisk refuses.
func (s *Services) unlisted(c Class, m *ami.Message, err error) {
	w := &s.of[c]
	w.at = time.Time{}
	args := []any{"answer", m.Text(ami.KeyMessage)}
	if need := classes[c].write; need != "" && !ami.Unknown(err) {
		s.conn.Lack()
		args = append(args, "missing", "write="+need)
	}
	// Who was parked may have been fetched before this connection. Later on events
	// have announced everything.
	if first := !w.refused && !s.again; ami.Unknown(err) || first && (w.fresh || c == Parked) {
		s.watcher.Services(c, nil)
	}
	w.refused = true
	s.conn.Say(c.String(), "Asterisk does not list "+c.String()+"; asterfed knows them by events alone", args...)
}

// sorted sorts by name; of those that share one, as slots of two lots may, it
// keeps one.
func sorted(list []Service) []Service {
	slices.SortFunc(list, func(a, b Service) int { return strings.Compare(a.Name, b.Name) })
	return slices.CompactFunc(list, func(a, b Service) bool { return a.Name == b.Name })
}
