// Package update decides what a DNS UPDATE (RFC 2136) changes in a home zone:
// whether its sections are sound, its prerequisites hold and its key may touch
// what it names, and which bindings come and go.
//
// It knows messages, bindings, and what each key may do. It must not know sockets,
// CoreDNS or the other nodes. Callers verify the signature of a message first, and
// ask Replay whether it was accepted before. Start reading at Home.Decide.
package update
