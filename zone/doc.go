// Package zone turns bindings into DNS: it holds the merged view of every
// node's home zone, answers any name of the federation zone out of it, and is
// the primary of this node's own home zone, with its serial and journal.
//
// A change goes one way: location.Store → Primary (serial, journal, disk) →
// View (merged, by name) → Lookup. Bindings of other homes enter the View
// from package zone/peer. Readers of the View take no lock; a change costs the
// same in a zone of a thousand names and of a million.
//
// The package knows DNS names and records; it must not know sockets, Serf,
// AMI or CoreDNS. Start reading at View, then Lookup.
package zone
