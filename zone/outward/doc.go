// Package outward keeps the federation zone as other name servers transfer it:
// one set of records for each unit of zone.View, a serial, and the deltas that
// lead from one serial to the next (RFC 1995).
//
// The records are those that queries are answered with: a Zone asks its view
// for them and never decides anything itself. It is told what has changed by
// zone.Dirt, looks at that in the background, and publishes a new serial at
// most once a second. While nobody transfers the zone it holds nothing but the
// serial, which never goes back, over restarts and clocks that are set.
//
// The package knows records and messages; it must not know CoreDNS, Serf, or
// who may ask. Start reading at Zone, then compare.
package outward
