package federation

import (
	"github.com/asterfed/asterfed/plugin/federation/ami"
	"github.com/asterfed/asterfed/zone/location"
)

// registrar carries what the AMI source learned into the home zone.
type registrar struct{ r *Runtime }

func (g registrar) update(f func(*location.Store) []location.Change) {
	g.r.primary.Update(f) // a disk error is logged there, and in the metrics
}

// Registered implements ami.Registrar.
func (g registrar) Registered(c location.Contact) {
	g.update(func(s *location.Store) []location.Change { return s.Register(c) })
}

// ListedAOR implements ami.Registrar.
func (g registrar) ListedAOR(a location.AOR, t location.Kind, list []location.Contact) {
	g.update(func(s *location.Store) []location.Change { return s.ObserveAOR(a, t, list) })
}

// ListedAll implements ami.Registrar.
func (g registrar) ListedAll(t location.Kind, list location.Listing) {
	g.update(func(s *location.Store) []location.Change {
		g.r.swept.Store(true)
		return s.Sweep(t, list)
	})
}

// Removed implements ami.Registrar.
func (g registrar) Removed(a location.AOR, t location.Kind, uri string) {
	g.update(func(s *location.Store) []location.Change {
		if uri == "" {
			return s.RemoveAOR(a, t)
		}
		return s.Remove(a, t, uri)
	})
}

// Status implements ami.Registrar.
func (g registrar) Status(s ami.Status) {
	if s.State == ami.Ready && !g.r.listed.Swap(true) {
		g.r.log.Info("registrations are listed", "asterisk", s.Version, "bindings", g.r.view.Find(g.r.cfg.Node).Len())
	}
	g.r.monitor.Status(g.r.ctx, s)
}
