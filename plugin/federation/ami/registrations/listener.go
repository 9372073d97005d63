package registrations

import "github.com/asterfed/asterfed/zone/location"

// Listener receives what a Source learned. Its methods are called in order, from
// the goroutine of the Client, and must not block for long: while they run nothing
// is read from Asterisk. A slice is the callee's to keep.
type Listener interface {
	// Registered: a REGISTER just happened. Expires is zero where the event did
	// not say.
	Registered(c location.Contact)
	// ListedAOR: the list is complete for that AOR and technology, and may be
	// empty.
	ListedAOR(a location.AOR, t location.Kind, list []location.Contact)
	// ListedAll: the list is complete for that technology. Expired contacts and
	// those of another RegServer are left out already. The list is gone when
	// ListedAll returns.
	ListedAll(t location.Kind, list location.Listing)
	// Removed: the contact is gone; with an empty URI, every contact of the AOR
	// of that technology is.
	Removed(a location.AOR, t location.Kind, uri string)
}
