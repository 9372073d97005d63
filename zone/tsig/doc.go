// Package tsig has the keys and signatures of transaction authentication (RFC
// 8945): it reads keys in BIND's syntax, and signs and verifies chains of messages
// over their octets as they are on the wire, without packing them again.
//
// It knows octets and keys. It must not know zones, connections, or what a key
// permits. Start reading at Chain; Key is what everybody else needs.
package tsig
