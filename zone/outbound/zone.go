package outbound

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/asterfed/asterfed/zone/answer"
)

// Config is what a Zone needs.
type Config struct {
	View *answer.Zone
	// Data is the directory that the serial is kept in, "" for none.
	Data string
	// Boot changes when the machine starts, "" where it cannot be told.
	Boot string
	// Followed keeps the zone level even while nobody asks for it, since there are
	// secondaries.
	Followed bool
	Now      func() time.Time
	Logger   *slog.Logger
}

// Zone is the federation zone as it is transferred. Safe for concurrent use.
type Zone struct {
	cfg  Config
	view *answer.Zone
	log  *slog.Logger

	working sync.Mutex // locked before mu; one comparison with the view at a time
	serials *serials
	deps    dependents

	mu      sync.Mutex // never held while the view is asked; these are written under both
	serial  uint32
	sets    map[string]set // by unit, those that have records; nil while nobody transfers the zone
	history []step         // oldest first, contiguous, up to serial
	cost    int            // changes in history
	asked   time.Time      // when a transfer was last asked for
	bell    chan struct{}  // closed and replaced at every new serial
}

// step leads from one serial to the next.
type step struct {
	from, to uint32
	changes  []change
}

// change is what becomes of one unit.
type change struct {
	unit     string
	old, now set
}

const (
	// period is how often the serial advances at most.
	period = time.Second
	// idle is how long the zone is kept level after a transfer, if it has no
	// secondaries that this node knows.
	idle = time.Hour
	// maxHistory bounds the changes kept for IXFR; a secondary that is further
	// behind gets the full zone.
	maxHistory = 100_000
)

// Open returns the zone of a view, with a serial above every earlier one.
func Open(c Config) *Zone {
	if c.Now == nil {
		c.Now = time.Now
	}
	z := &Zone{cfg: c, view: c.View, log: c.Logger, bell: make(chan struct{})}
	var err error
	if z.serials, err = openSerials(c.Data, c.Boot, c.Now); err != nil {
		z.log.Error("serial of the federation zone may go back", "err", err)
	}
	z.serial = z.serials.last
	z.view.SetSerial(z.serial)
	return z
}

// Run keeps the zone level with its view until the context ends.
func (z *Zone) Run(ctx context.Context) {
	tick := time.NewTicker(period)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			z.working.Lock()
			defer z.working.Unlock()
			if err := z.serials.close(); err != nil {
				z.log.Warn("serial of the federation zone not kept", "err", err)
			}
			return
		case <-tick.C:
			z.step()
		}
	}
}

// Serial returns the serial, and a channel that is closed at the next one.
func (z *Zone) Serial() (uint32, <-chan struct{}) {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.serial, z.bell
}

// step publishes what has changed since the last one, as one serial.
func (z *Zone) step() {
	z.working.Lock()
	defer z.working.Unlock()
	switch {
	case !z.view.Settled():
	case !z.wanted():
		z.forget()
		if z.view.Moved() {
			z.publish(nil)
		}
	case z.sets == nil:
		z.build()
	default:
		if changes := z.compare(z.view.TakeDirty()); len(changes) > 0 {
			z.publish(changes)
		}
	}
}

// wanted reports whether the zone has to be kept level.
func (z *Zone) wanted() bool {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.cfg.Followed || !z.asked.IsZero() && z.cfg.Now().Sub(z.asked) < idle
}

// forget frees the memory that transfers need. The caller holds working.
func (z *Zone) forget() {
	if z.sets == nil {
		return
	}
	z.view.Track(false)
	z.deps = dependents{}
	z.mu.Lock()
	defer z.mu.Unlock()
	z.sets, z.history, z.cost = nil, nil, 0
}

// build collects the records of every unit. What changes meanwhile is already
// counted as dirt. The caller holds working.
func (z *Zone) build() {
	began := time.Now()
	z.view.Track(true)
	z.view.Moved()
	z.deps = dependents{}
	sets := map[string]set{}
	z.everything(func(unit string) {
		if _, known := sets[unit]; known {
			return
		}
		if s := z.look(unit); s != (set{}) {
			sets[unit] = s
		}
	})
	z.mu.Lock()
	z.sets = sets
	z.mu.Unlock()
	z.publish(nil)
	z.log.Info("federation zone can be transferred", "units", len(sets), "serial", z.serial, "after", time.Since(began).Round(time.Millisecond))
}

// publish makes changes the next serial. Without changes a new history begins. The
// caller holds working.
func (z *Zone) publish(changes []change) {
	next, err := z.serials.next()
	if err != nil {
		z.log.Error("serial of the federation zone not kept on disk", "err", err)
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	for _, c := range changes {
		if c.now == (set{}) {
			delete(z.sets, c.unit)
		} else {
			z.sets[c.unit] = c.now
		}
	}
	z.remember(step{z.serial, next, changes})
	z.serial = next
	z.view.SetSerial(next)
	close(z.bell)
	z.bell = make(chan struct{})
}

// remember adds a step to the history. One without changes, or with so many
// that the full zone is shorter, begins a new one.
func (z *Zone) remember(s step) {
	if len(s.changes) == 0 || len(s.changes) > maxHistory || len(s.changes) > len(z.sets)+fewChanges {
		z.history, z.cost = nil, 0
		return
	}
	z.history, z.cost = append(z.history, s), z.cost+len(s.changes)
	for z.cost > maxHistory {
		z.cost -= len(z.history[0].changes)
		z.history[0].changes = nil // the array stays for a while
		z.history = z.history[1:]
	}
}

// fewChanges are sent as such however small the zone is.
const fewChanges = 100
