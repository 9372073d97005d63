// Package plain reads the queries that nearly all clients send: one question in
// class IN for a type that the zone has, without TSIG, without DO, in a name of
// plain characters. It leaves every other datagram alone.
//
// It knows octets and no answers. Start reading at Query.
package plain
