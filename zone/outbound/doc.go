// Package outbound keeps the federation zone in the form in which other name
// servers transfer it: one set of records for each unit of answer.Zone, a serial,
// and the deltas that lead from one serial to the next (RFC 1995).
//
// The records are those that queries are answered with: a Zone asks its view for
// them and decides nothing itself. The view reports what has changed (view.Dirty);
// the Zone compares these units in the background and publishes a new serial at
// most once a second. While nobody transfers the zone it keeps nothing but the
// serial, which never goes back, not over restarts and not when a clock is set.
//
// The package knows records and messages. It must not know CoreDNS, Serf, or who
// may ask. Start reading at Zone, then compare.
package outbound
