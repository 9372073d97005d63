package federation

import (
	"os"
	"slices"
	"sync"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami"
	"github.com/asterfed/asterfed/plugin/federation/directory"
	"github.com/asterfed/asterfed/plugin/federation/trunk"
	"github.com/asterfed/asterfed/zone/location"
)

// exchange publishes the trunks of this node that Asterisk can use now. It is
// safe for concurrent use.
type exchange struct {
	r *Runtime

	mu    sync.Mutex
	table *trunk.Table
	state map[ami.Device]error // of the last look, nil before the first
	seen  os.FileInfo
	told  string
}

// run reads the file whenever it changes.
func (x *exchange) run() {
	tick := time.NewTicker(directoryPeriod)
	defer tick.Stop()
	for {
		select {
		case <-x.r.ctx.Done():
			return
		case <-tick.C:
			x.read()
		}
	}
}

// read reads the file if it is not the one read last. What cannot be read
// changes nothing.
func (x *exchange) read() {
	x.mu.Lock()
	defer x.mu.Unlock()
	file := x.r.cfg.Trunks
	info, err := os.Stat(file)
	if err == nil && sameFile(x.seen, info) {
		return
	}
	var t *trunk.Table
	var bad []directory.BadLine
	if err == nil {
		t, bad, err = trunk.ReadFile(file)
	}
	if err != nil {
		if err.Error() != x.told {
			x.told = err.Error()
			x.r.log.Error("the last trunks go on", "err", err)
		}
		return
	}
	x.table, x.seen, x.told = t, info, ""
	for _, b := range bad {
		x.r.log.Warn("line of the trunks left out", "file", file, "line", b.Line, "err", b.Err)
	}
	x.r.log.Info("trunks read", "file", file, "trunks", len(t.Trunks), "bad_lines", len(bad))
	x.publish()
}

// held returns the trunks read last, nil for none. What it returns is not
// changed any more.
func (x *exchange) held() *trunk.Table {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.table
}

// usable tells of each trunk whether calls can leave by it, as of the last look;
// none before the first.
func (x *exchange) usable() map[string]bool {
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

// Devices implements ami.TrunkWatcher.
func (x *exchange) Devices() []ami.Device {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.table.Devices()
}

// Looked implements ami.TrunkWatcher.
func (x *exchange) Looked(state map[ami.Device]error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for d, err := range state {
		was, known := x.state[d]
		switch {
		case err != nil && (!known || was == nil || was.Error() != err.Error()):
			x.r.log.Warn("trunk cannot be used", "device", d.String(), "why", err)
		case err == nil && (!known || was != nil):
			x.r.log.Info("trunk can be used", "device", d.String())
		}
	}
	x.state = state
	x.publish()
}

// publish brings what is published level with the file and the last look. Until
// Asterisk has been looked at, what was published before a restart stays, as
// far as the file still has it.
func (x *exchange) publish() {
	wanted, err := x.table.Bindings(func(d ami.Device) bool {
		if x.state == nil {
			return true
		}
		err, known := x.state[d]
		return known && err == nil
	})
	if err != nil {
		x.r.log.Error("trunks are not published", "err", err)
		return
	}
	if x.state == nil {
		held := x.r.primary.Published(trunk.Source)
		wanted = slices.DeleteFunc(wanted, func(b location.Binding) bool {
			return !slices.ContainsFunc(held, func(h location.Binding) bool { return h.Kind == b.Kind && h.AOR == b.AOR && h.Contact == b.Contact })
		})
	}
	x.r.primary.Follow(trunk.Source, wanted, nil)
}

// followPBX lets the source follow trunks and services where the Corefile wants
// them, and withdraws what it no longer wants.
func (r *Runtime) followPBX(cfg *ami.Config) {
	if r.cfg.Trunks != "" {
		cfg.Trunks = &r.exchange
		r.exchange.read()
		r.run(r.exchange.run)
	} else {
		r.primary.Follow(trunk.Source, nil, nil)
	}
	r.services.follow(cfg)
}
