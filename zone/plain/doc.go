// Package plain reads the queries that nearly all askers send: one question in
// class IN for a type that the zone has, without TSIG, without DO, in a name of
// plain characters. Whatever else a datagram may hold, it leaves alone.
//
// It knows octets and no answers. Start reading at Query.
package plain
