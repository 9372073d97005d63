package federation

import (
	"slices"
	"strings"

	"github.com/asterfed/asterfed/zone/location"
)

// rooms publishes the conference rooms of this node that are in use. Its
// methods are called from the AMI source alone.
type rooms struct {
	r    *Runtime
	open map[string]bool
	told map[string]bool // rooms that cannot be published, said once
}

// roomSource is the By of rooms in use.
const roomSource = "rooms"

// maxTold bounds how many rooms are complained of.
const maxTold = 1000

// Room implements ami.RoomWatcher.
func (w *rooms) Room(name string, begun bool) {
	if w.open == nil {
		w.open = map[string]bool{}
		for _, b := range w.r.primary.Published(roomSource) {
			w.open[string(b.AOR)] = true
		}
	}
	if begun {
		w.open[name] = true
	} else {
		delete(w.open, name)
	}
	w.publish()
}

// Rooms implements ami.RoomWatcher.
func (w *rooms) Rooms(names []string) {
	w.open = map[string]bool{}
	for _, n := range names {
		w.open[n] = true
	}
	w.publish()
}

// publish stamps a room as it begins: the oldest one of a name is where
// whoever calls it comes to.
func (w *rooms) publish() {
	var wanted []location.Binding
	for name := range w.open {
		if !matches(w.r.cfg.Rooms, name) {
			continue
		}
		b, err := location.Publish(location.Conference, name, location.Details{By: roomSource})
		if err != nil {
			if !w.told[name] && len(w.told) < maxTold {
				w.told[name] = true
				w.r.log.Warn("conference room cannot be published", "err", err)
			}
			continue
		}
		wanted = append(wanted, b)
	}
	slices.SortFunc(wanted, func(a, b location.Binding) int { return strings.Compare(string(a.AOR), string(b.AOR)) })
	w.r.primary.Follow(roomSource, wanted, func(b location.Binding) location.Stamp { return w.r.clock.Next(w.r.view.Newest(b)) })
}

// rooms reads patterns of room names.
func (p *parser) rooms(args []string) (err error) {
	p.cfg.Rooms, err = p.patterns("rooms", args, p.cfg.Rooms)
	return err
}
