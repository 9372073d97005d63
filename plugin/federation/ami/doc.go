// Package ami learns from one Asterisk, over the Asterisk Manager Interface,
// which contacts are registered there: PJSIP, chan_sip and IAX2.
//
// Events are hints, the listing is the truth. A PJSIP refresh sends no event,
// an expiry is announced up to 30 s late, and a starting Asterisk announces
// every contact in its database as if it had just registered. So a Source
// lists everything once Asterisk is FullyBooted, at every reconnect and on a
// slow timer; it passes events on as they come, and lists single
// addresses-of-record again when an expiry is due, when another home claims
// them, or when an event leaves something open.
//
// The package knows nothing of DNS, of stamps or of other nodes: it tells a
// Registrar what it learned, and that decides what it means. It sends Asterisk
// only the actions in one closed table (action.go), for the manager user's
// class "system" would allow far more than to list.
//
// Start reading at Source (source.go), then session.go for the life of one
// connection, listing.go and endpoint.go for the two sorts of listing,
// event.go for what happens in between.
package ami
