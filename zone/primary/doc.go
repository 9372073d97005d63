// Package primary is the primary of this node's own home zone: the one writer
// of its bindings. What sources report becomes one version after the other,
// each with a serial, on disk before it is told (Journal), and then in the zone
// that queries are answered from (Zone). Secondaries ask for the steps between
// versions.
//
// The package knows bindings and their text; it knows no answer, no network and
// no other node. Start reading at Primary, then Journal.
package primary
