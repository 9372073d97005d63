// Package update decides what a DNS UPDATE (RFC 2136) changes in a home zone:
// whether its sections are sound, its prerequisites hold and its key may touch
// what it names, and which bindings come and go.
//
// It knows messages, bindings, and which key may do what. It must not know
// sockets, CoreDNS or the other nodes. A message that it is given has a good
// signature; whether it has been seen before is for Replay to say. Start
// reading at Home.Decide.
package update
