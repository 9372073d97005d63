package source

import (
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/primary"
)

// Registrations puts what the AMI source has learned into the home zone. It
// implements registrations.Listener.
type Registrations struct {
	Primary *primary.Primary
	// Sweeping is called before a complete list replaces what was known, under
	// the lock of the primary.
	Sweeping func()
}

// update publishes what f changes. A disk error is logged there, and in the
// metrics.
func (r Registrations) update(f func(*location.Store) []location.Change) { r.Primary.Update(f) }

// Registered implements registrations.Listener.
func (r Registrations) Registered(c location.Contact) {
	r.update(func(s *location.Store) []location.Change { return s.Register(c) })
}

// ListedAOR implements registrations.Listener.
func (r Registrations) ListedAOR(a location.AOR, t location.Kind, list []location.Contact) {
	r.update(func(s *location.Store) []location.Change { return s.ObserveAOR(a, t, list) })
}

// ListedAll implements registrations.Listener.
func (r Registrations) ListedAll(t location.Kind, list location.Listing) {
	r.update(func(s *location.Store) []location.Change {
		r.Sweeping()
		return s.Sweep(t, list)
	})
}

// Removed implements registrations.Listener.
func (r Registrations) Removed(a location.AOR, t location.Kind, uri string) {
	r.update(func(s *location.Store) []location.Change {
		if uri == "" {
			return s.RemoveAOR(a, t)
		}
		return s.Remove(a, t, uri)
	})
}
