package federation

import (
	"slices"
	"strings"
	"sync/atomic"

	"github.com/asterfed/asterfed/plugin/federation/ami"
	"github.com/asterfed/asterfed/plugin/federation/config"
	"github.com/asterfed/asterfed/zone/location"
)

// services publishes the conference rooms, queues and parked calls that this
// node has now. Its methods are called from the AMI source alone, but for
// counts.
type services struct {
	r     *Runtime
	there [ami.NumClasses]map[string]ami.Service
	told  map[string]bool // those that cannot be published, said once
	count [ami.NumClasses]atomic.Int64
}

// serviceKinds is what services are published as, and the By of each.
var serviceKinds = [ami.NumClasses]struct {
	kind   location.Kind
	source string
}{
	ami.Rooms:  {location.Conference, "rooms"},
	ami.Queues: {location.Queue, "queues"},
	ami.Parked: {location.Parked, "parking"},
}

// staffing is the Cost of a queue.
var staffing = map[ami.Staffing]uint16{ami.Free: 0, ami.Busy: 1, ami.Empty: location.QueueEmpty}

// maxTold bounds how many services are complained of.
const maxTold = 1000

// Follows implements ami.ServiceWatcher.
func (w *services) Follows(c ami.Class) bool { return len(w.r.cfg.Services[c]) > 0 }

// Service implements ami.ServiceWatcher.
func (w *services) Service(c ami.Class, name string, there bool) {
	if w.there[c] == nil {
		w.there[c] = map[string]ami.Service{}
		for _, b := range w.r.primary.Published(serviceKinds[c].source) {
			w.there[c][string(b.AOR)] = ami.Service{Name: string(b.AOR)}
		}
	}
	if there {
		w.there[c][name] = ami.Service{Name: name}
	} else {
		delete(w.there[c], name)
	}
	w.publish(c)
}

// Services implements ami.ServiceWatcher.
func (w *services) Services(c ami.Class, list []ami.Service) {
	w.there[c] = make(map[string]ami.Service, len(list))
	for _, s := range list {
		w.there[c][s.Name] = s
	}
	w.publish(c)
}

// publish stamps a room as it begins, and a call as it is parked: the oldest of
// a name goes first. Of a queue only the staffing counts.
func (w *services) publish(c ami.Class) {
	var wanted []location.Binding
	as := serviceKinds[c]
	for name, s := range w.there[c] {
		if !config.Matches(w.r.cfg.Services[c], name) {
			continue
		}
		b, err := location.Publish(as.kind, name, location.Details{By: as.source, Cost: staffing[s.Staffed]})
		if err != nil {
			if !w.told[name] && len(w.told) < maxTold {
				w.told[name] = true
				w.r.log.Warn("service cannot be published", "kind", as.kind.String(), "err", err)
			}
			continue
		}
		wanted = append(wanted, b)
	}
	slices.SortFunc(wanted, func(a, b location.Binding) int { return strings.Compare(string(a.AOR), string(b.AOR)) })
	w.count[c].Store(int64(len(wanted)))
	var stamp func(location.Binding) location.Stamp
	if c != ami.Queues {
		stamp = func(b location.Binding) location.Stamp { return w.r.clock.Next(w.r.view.Newest(b)) }
	}
	w.r.primary.Follow(as.source, wanted, stamp)
}

// follow lets the source follow what the Corefile wants, and withdraws what it
// no longer wants.
func (w *services) follow(cfg *ami.Config) {
	for c := range ami.NumClasses {
		if w.Follows(c) {
			cfg.Services = w
		} else {
			w.r.primary.Follow(serviceKinds[c].source, nil, nil)
		}
	}
}
