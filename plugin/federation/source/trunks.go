package source

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami/pbx"
	"github.com/asterfed/asterfed/plugin/federation/trunk"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/primary"
)

// Trunks publishes the trunks of this node that Asterisk can use now. It
// implements pbx.TrunkWatcher. Safe for concurrent use.
type Trunks struct {
	cfg TrunksConfig

	mu    sync.Mutex
	table *trunk.Table
	state map[pbx.Device]error // as Asterisk last reported, nil before the first report
	file  Reread

	otherMu sync.Mutex
	otherAt time.Time
	other   []string
}

// TrunksConfig says which file is read. Primary and Logger are required.
type TrunksConfig struct {
	File    string // "" for none: no trunk is published
	Primary *primary.Primary
	Logger  *slog.Logger
}

// NewTrunks returns trunks that have read nothing yet.
func NewTrunks(c TrunksConfig) *Trunks {
	return &Trunks{cfg: c, file: Reread{Logger: c.Logger, Kept: "trunks cannot be read; those read before stay in force"}}
}

// Follows reports whether there is a file.
func (x *Trunks) Follows() bool { return x.cfg.File != "" }

// Run reads the file whenever it changes, until ctx ends.
func (x *Trunks) Run(ctx context.Context) {
	if x.Follows() {
		Every(ctx, filePeriod, x.Read)
	}
}

// Read reads the file if it is not the one read last. Without a file it withdraws
// what an earlier process has published.
func (x *Trunks) Read() {
	if !x.Follows() {
		x.cfg.Primary.Follow(trunk.Source, nil, nil)
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.file.poll(x.cfg.File, func() error {
		t, bad, err := trunk.ReadFile(x.cfg.File)
		if err != nil {
			return err
		}
		x.table = t
		bad.Log(x.cfg.Logger, "line of the trunks left out", x.cfg.File)
		x.cfg.Logger.Info("trunks read", "file", x.cfg.File, "trunks", len(t.Trunks), "bad_lines", bad.N)
		x.publish()
		return nil
	})
}

// Table returns the trunks read last, nil for none. It is shared and not changed
// any more.
func (x *Trunks) Table() *trunk.Table {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.table
}

// Usable returns for each trunk whether calls can leave by it, as Asterisk last
// reported; none before the first report.
func (x *Trunks) Usable() map[string]bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	out := map[string]bool{}
	if x.table == nil || x.state == nil {
		return out
	}
	for _, t := range x.table.Trunks {
		err, known := x.state[t.Device]
		out[string(t.Name)] = known && err == nil
	}
	return out
}

// Devices implements pbx.TrunkWatcher.
func (x *Trunks) Devices() []pbx.Device {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.table.Devices()
}

// Listed implements pbx.TrunkWatcher.
func (x *Trunks) Listed(state map[pbx.Device]error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for d, err := range state {
		was, known := x.state[d]
		switch {
		case err != nil && (!known || was == nil || was.Error() != err.Error()):
			x.cfg.Logger.Warn("trunk cannot be used", "device", d.String(), "why", err)
		case err == nil && (!known || was != nil):
			x.cfg.Logger.Info("trunk can be used", "device", d.String())
		}
	}
	x.state = state
	x.publish()
}

// publish brings what is published level with the file and the last report. Until
// Asterisk has reported, what was published before a restart stays, as
// far as the file still has it.
func (x *Trunks) publish() {
	wanted, err := x.table.Bindings(func(d pbx.Device) bool {
		if x.state == nil {
			return true
		}
		err, known := x.state[d]
		return known && err == nil
	})
	if err != nil {
		x.cfg.Logger.Error("trunks are not published", "err", err)
		return
	}
	if x.state == nil {
		held := x.cfg.Primary.Published(trunk.Source)
		wanted = slices.DeleteFunc(wanted, func(b location.Binding) bool {
			return !slices.ContainsFunc(held, func(h location.Binding) bool { return h.Kind == b.Kind && h.AOR == b.AOR && h.Contact == b.Contact })
		})
	}
	x.cfg.Primary.Follow(trunk.Source, wanted, nil)
}

// Others returns the trunks and providers of this node that were published by
// other means than the file, looked up once a second at most.
func (x *Trunks) Others() []string {
	x.otherMu.Lock()
	defer x.otherMu.Unlock()
	if time.Since(x.otherAt) < time.Second {
		return x.other
	}
	x.other = nil
	x.cfg.Primary.ReadPublished(func(held *location.Publications) {
		for _, b := range held.Bindings() {
			if k := b.Kind; (k == location.Trunk || k == location.Provider) && b.Info.Details().By != trunk.Source {
				x.other = append(x.other, string(b.AOR))
			}
		}
	})
	slices.Sort(x.other)
	x.other, x.otherAt = slices.Compact(x.other), time.Now()
	return x.other
}
