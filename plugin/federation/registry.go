package federation

import (
	"fmt"
	"log/slog"
	"reflect"
	"sync"

	"github.com/asterfed/asterfed/plugin/federation/config"
	"github.com/coredns/caddy"
	"github.com/prometheus/client_golang/prometheus"
)

// Registry holds the authorities of this process, one for each zone. CoreDNS
// makes a new plugin at every reload; the authority stays. Main owns it.
type Registry struct {
	Logger *slog.Logger
	// Blocks are the keys of each server block in the Corefile, so that those
	// without a bind can be kept off the wildcard address, and that it is known
	// which share one.
	Blocks [][]string

	mu          sync.Mutex
	authorities map[string]*authority
	started     map[string]bool
	claimed     map[string]*load // where an authority that is not started comes from
	left        chan struct{}
	once        sync.Once
	metrics     sync.Once
}

// running returns the authorities that have been started.
func (g *Registry) running() []*authority {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []*authority
	for origin, r := range g.authorities {
		if g.started[origin] {
			out = append(out, r)
		}
	}
	return out
}

// Default is the registry that setup uses.
var Default = &Registry{Logger: slog.Default()}

// load is one reading of a Corefile.
type load struct{ _ byte }

// loadOf returns the reading that a block is part of.
func loadOf(c *caddy.Controller) *load {
	type key struct{}
	l, ok := c.Get(key{}).(*load)
	if !ok {
		l = new(load)
		c.Set(key{}, l)
	}
	return l
}

// claim returns the authority for cfg: a new one, or the one of an earlier block
// or reading if its settings are the same.
func (g *Registry) claim(cfg *config.Config, from *load) (*authority, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.authorities == nil {
		g.authorities, g.started, g.left = map[string]*authority{}, map[string]bool{}, make(chan struct{})
		g.claimed = map[string]*load{}
	}
	if r := g.authorities[cfg.Origin]; r != nil {
		same := reflect.DeepEqual(r.cfg, *cfg)
		switch {
		case !same && g.started[cfg.Origin]:
			return nil, fmt.Errorf("settings of federation %s differ from those at work: they take effect at a restart, not at a reload", cfg.Origin)
		case !same && g.claimed[cfg.Origin] == from:
			return nil, fmt.Errorf("federation %s stands in another server block with other settings: give both the same", cfg.Origin)
		case same:
			if !g.started[cfg.Origin] {
				g.claimed[cfg.Origin] = from
			}
			return r, nil
		}
		r.unlock()
	}
	for origin, r := range g.authorities {
		if origin == cfg.Origin || !g.started[origin] && g.claimed[origin] != from {
			continue
		}
		if err := config.CheckDistinct(&r.cfg, cfg); err != nil {
			return nil, err
		}
	}
	r := newAuthority(*cfg, g.Logger)
	g.authorities[cfg.Origin], g.claimed[cfg.Origin] = r, from
	return r, nil
}

// start starts the authority unless it runs.
func (g *Registry) start(r *authority) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.started[r.cfg.Origin] {
		return nil
	}
	if err := g.lock(g.claimed[r.cfg.Origin]); err != nil {
		return err
	}
	if r.cfg.AMIElsewhere() {
		g.Logger.Warn("AMI leaves this host and is not encrypted: run asterfed on the host of its Asterisk, or use a tunnel", "asterisk", r.cfg.Asterisk.Addr)
	}
	if err := r.start(); err != nil {
		// It has ended: the next reading of the Corefile needs another one.
		delete(g.authorities, r.cfg.Origin)
		delete(g.claimed, r.cfg.Origin)
		g.unlock()
		return err
	}
	g.started[r.cfg.Origin] = true
	g.metrics.Do(func() { prometheus.MustRegister(collector{g}) })
	go func() {
		select {
		case <-r.node.Left():
			g.parted(r)
		case <-r.ctx.Done():
		}
	}()
	return nil
}

// parted notes that r has left its federation. The process goes on as long as
// it serves another one.
func (g *Registry) parted(r *authority) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r.parted.Store(true)
	for origin, other := range g.authorities {
		if g.started[origin] && !other.parted.Load() {
			g.Logger.Warn("left one federation; this process goes on with the others", "zone", r.cfg.Origin)
			return
		}
	}
	g.once.Do(func() { close(g.left) })
}

// lock locks the data directories of all authorities of a Corefile before the first
// of them reads anything: a start that fails must not have touched any.
func (g *Registry) lock(from *load) error {
	for origin, r := range g.authorities {
		if g.started[origin] || g.claimed[origin] != from {
			continue
		}
		if err := r.lock(); err != nil {
			g.unlock()
			return err
		}
	}
	return nil
}

// unlock gives back the data directories of authorities that are not started.
func (g *Registry) unlock() {
	for origin, r := range g.authorities {
		if !g.started[origin] {
			r.unlock()
		}
	}
}

// LeftErr says why a node left: nil if it was told to, otherwise what forced
// it, such as another node of the same name.
func (g *Registry) LeftErr() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, r := range g.authorities {
		if r.node != nil && r.node.Err() != nil {
			return r.node.Err()
		}
	}
	return nil
}

// Left is closed when every node of this process has left its federation.
func (g *Registry) Left() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.left
}

// Stop ends all authorities.
func (g *Registry) Stop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for origin, r := range g.authorities {
		if g.started[origin] {
			if err := r.stop(); err != nil {
				g.Logger.Error("stop", "zone", origin, "err", err)
			}
		}
	}
	g.authorities, g.started, g.claimed = nil, nil, nil
}
