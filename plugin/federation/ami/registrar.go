package ami

import (
	"strconv"
	"time"

	"github.com/asterfed/asterfed/zone/location"
)

// Registrar receives what a Source learned. Its methods are called in order,
// from one goroutine, and must not block for long: while they run nothing is
// read from Asterisk. A slice is the callee's to keep.
type Registrar interface {
	// Registered: a REGISTER just happened. Expires is zero where the event
	// did not tell.
	Registered(c location.Contact)
	// ListedAOR: the list is complete for that AOR and technology, and may
	// be empty.
	ListedAOR(a location.AOR, t location.Kind, list []location.Contact)
	// ListedAll: the list is complete for that technology. Expired contacts
	// and those of another RegServer are left out already. The list is gone
	// when ListedAll returns.
	ListedAll(t location.Kind, list location.Listing)
	// Removed: the contact is gone; with an empty URI, every contact of the
	// AOR of that technology is.
	Removed(a location.AOR, t location.Kind, uri string)
	// Status: the state of the connection changed.
	Status(Status)
}

// State says how far a Source is with its Asterisk.
type State uint8

// The states in their usual order.
const (
	Connecting State = iota // before the first connection
	Booting                 // logged in, Asterisk is not FullyBooted yet
	Listing                 // the first full listing is under way, or was refused (Err)
	Ready                   // the first full listing was delivered
	Down                    // no connection; said once per outage and cause
)

var stateNames = [...]string{"connecting", "booting", "listing", "ready", "down"}

// String returns the state in lower case: "connecting", "booting", "listing",
// "ready" or "down".
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return "state" + strconv.Itoa(int(s))
}

// Status is one change of the connection to Asterisk.
type Status struct {
	State State
	// Shutdown, with Down: Asterisk announced its own stop.
	Shutdown bool
	// Version and SystemName are Asterisk's own words, "16.28.0~dfsg-…" and
	// asterisk.conf's systemname; empty until CoreSettings answered once.
	Version    string
	SystemName string
	// Err is the cause with Down, the refusal with Listing.
	Err error
	At  time.Time
}
