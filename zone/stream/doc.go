// Package stream has the messages of zone transfers (AXFR, RFC 5936; IXFR, RFC
// 1995): it makes the answer to a transfer of a home zone and packs it into signed
// messages, reads such messages, and keeps a replica of another node's zone in a
// master file (RFC 1035 §5).
//
// Registrations, which transfers are full of, are written and read octet by octet;
// everything else goes through package dns. A record that no message can carry is
// left out and reported, and ends no transfer.
//
// The package knows records, bindings and versions. It must not know connections,
// peers, or who may ask. Start reading at Answer for the side that sends, and at
// Reader for the side that receives.
package stream
