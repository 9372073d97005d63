package registrations

import (
	"sync/atomic"
	"time"

	"github.com/asterfed/asterfed/zone/location"
)

// Stats are counters since New, for metrics.
type Stats struct {
	Listings     uint64        // full listings delivered
	AORListings  uint64        // listings of a single AOR
	RefusedAORs  uint64        // AOR texts that cannot be published
	Refusals     uint64        // listings that Asterisk refused
	Unconfigured int           // AORs with contacts that are not configured any more
	LastDuration time.Duration // of the last full PJSIP listing
	LastSize     int           // contacts of all technologies in the last full listings
}

type counters struct {
	listings, aorListings      atomic.Uint64
	refusedAORs, refusals      atomic.Uint64
	lastDuration, unconfigured atomic.Int64
	size                       [location.IAX2 + 1]atomic.Int64
}

// Stats returns the counters as they are now. Safe for concurrent use.
func (s *Source) Stats() Stats {
	c := &s.stats
	return Stats{
		Listings:     c.listings.Load(),
		AORListings:  c.aorListings.Load(),
		RefusedAORs:  c.refusedAORs.Load(),
		Refusals:     c.refusals.Load(),
		Unconfigured: int(c.unconfigured.Load()),
		LastDuration: time.Duration(c.lastDuration.Load()),
		LastSize:     int(c.size[location.PJSIP].Load() + c.size[location.SIP].Load() + c.size[location.IAX2].Load()),
	}
}
