package source

import (
	"log/slog"
	"path"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/asterfed/asterfed/plugin/federation/ami/pbx"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/primary"
)

// Services publishes the conference rooms, queues and parked calls that this node
// has now. It implements pbx.ServiceWatcher. Its methods are called from the AMI
// source alone; Follows and Count may be called from any goroutine.
type Services struct {
	cfg    ServicesConfig
	there  [pbx.NumClasses]map[string]pbx.Service
	logged map[string]bool // those that cannot be published
	count  [pbx.NumClasses]atomic.Int64
}

// ServicesConfig says which services are published. All fields but Patterns are
// required.
type ServicesConfig struct {
	// Patterns are path.Match patterns of the names of each class; none: none of
	// the class is published.
	Patterns [pbx.NumClasses][]string
	Primary  *primary.Primary
	// Stamp returns a stamp for a service that begins now.
	Stamp  func(location.Binding) location.Stamp
	Logger *slog.Logger
}

// NewServices returns services of which none is known yet. It withdraws what an
// earlier process has published and the Corefile no longer wants.
func NewServices(c ServicesConfig) *Services {
	w := &Services{cfg: c, logged: map[string]bool{}}
	for class := range pbx.NumClasses {
		if !w.Follows(class) {
			c.Primary.Follow(serviceKinds[class].source, nil, nil)
		}
	}
	return w
}

// Any reports whether any class is followed.
func (w *Services) Any() bool {
	return slices.ContainsFunc(w.cfg.Patterns[:], func(list []string) bool { return len(list) > 0 })
}

// Count returns how many services of a class are published, and as what.
func (w *Services) Count(c pbx.Class) (location.Kind, int64) {
	return serviceKinds[c].kind, w.count[c].Load()
}

// serviceKinds is what services are published as, and the By of each.
var serviceKinds = [pbx.NumClasses]struct {
	kind   location.Kind
	source string
}{
	pbx.Rooms:  {location.Conference, "rooms"},
	pbx.Queues: {location.Queue, "queues"},
	pbx.Parked: {location.Parked, "parking"},
}

// staffing is the Cost of a queue.
var staffing = map[pbx.Staffing]uint16{pbx.Free: 0, pbx.Busy: 1, pbx.Empty: location.QueueEmpty}

// maxLogged bounds how many services that cannot be published are logged.
const maxLogged = 1000

// Follows implements pbx.ServiceWatcher.
func (w *Services) Follows(c pbx.Class) bool { return len(w.cfg.Patterns[c]) > 0 }

// Service implements pbx.ServiceWatcher.
func (w *Services) Service(c pbx.Class, name string, there bool) {
	if w.there[c] == nil {
		w.there[c] = map[string]pbx.Service{}
		for _, b := range w.cfg.Primary.Published(serviceKinds[c].source) {
			w.there[c][string(b.AOR)] = pbx.Service{Name: string(b.AOR)}
		}
	}
	if there {
		w.there[c][name] = pbx.Service{Name: name}
	} else {
		delete(w.there[c], name)
	}
	w.publish(c)
}

// Services implements pbx.ServiceWatcher.
func (w *Services) Services(c pbx.Class, list []pbx.Service) {
	w.there[c] = make(map[string]pbx.Service, len(list))
	for _, s := range list {
		w.there[c][s.Name] = s
	}
	w.publish(c)
}

// publish stamps a room as it begins, and a call as it is parked: the oldest of
// a name goes first. Of a queue only the staffing counts.
func (w *Services) publish(c pbx.Class) {
	var wanted []location.Binding
	as := serviceKinds[c]
	for name, s := range w.there[c] {
		if !w.wanted(c, name) {
			continue
		}
		b, err := location.Publish(as.kind, name, location.Details{By: as.source, Cost: staffing[s.Staffed]})
		if err != nil {
			if !w.logged[name] && len(w.logged) < maxLogged {
				w.logged[name] = true
				w.cfg.Logger.Warn("service cannot be published", "kind", as.kind.String(), "err", err)
			}
			continue
		}
		wanted = append(wanted, b)
	}
	slices.SortFunc(wanted, func(a, b location.Binding) int { return strings.Compare(string(a.AOR), string(b.AOR)) })
	w.count[c].Store(int64(len(wanted)))
	var stamp func(location.Binding) location.Stamp
	if c != pbx.Queues {
		stamp = w.cfg.Stamp
	}
	w.cfg.Primary.Follow(as.source, wanted, stamp)
}

func (w *Services) wanted(c pbx.Class, name string) bool {
	return slices.ContainsFunc(w.cfg.Patterns[c], func(p string) bool {
		ok, _ := path.Match(p, name)
		return ok
	})
}
