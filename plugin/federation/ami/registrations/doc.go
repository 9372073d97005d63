// Package registrations learns from one Asterisk, over AMI, which contacts are
// registered there: PJSIP, chan_sip and IAX2. Source is a part of an ami.Client.
//
// Events are hints, the listing is the truth. A PJSIP refresh sends no event,
// an expiry is announced up to 30 s late, and a starting Asterisk announces
// every contact in its database as if it had just registered. So a Source
// lists everything once Asterisk is FullyBooted, at every reconnect and on a
// slow timer; it passes events on as they come, and lists single
// addresses-of-record again when an expiry is due, when another home claims
// them, or when an event leaves something open.
//
// The package knows nothing of DNS, of stamps or of other nodes: it reports
// what it learned to a Listener, which decides what it means.
//
// Start reading at Source (source.go), then follower.go for one connection,
// contacts.go, peerlist.go and endpoint.go for the listings, event.go for what
// happens in between, and configured.go for users that were deleted.
package registrations
