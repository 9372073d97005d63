// Package fastpath answers plain queries over UDP beside CoreDNS: many to a system
// call, without allocation, octet by octet as the chain of plugins would.
//
// For each UDP and TCP socket of CoreDNS it opens one of its own at the same address,
// which gets everything. What it does not answer itself, the same CoreDNS server
// answers. A server block has a fast path only where no plugin would notice: Path
// says what stands in its way. A panic costs a query its fast path, no more.
//
// These sockets are also where what CoreDNS's own cannot do is done: a client has a
// bounded number of connections, must read what it asks for, and may send an empty
// ZONEVERSION option.
//
// Start reading at Path, then Answerer.
package fastpath
