// Package xfr moves home zones between nodes: SOA, NOTIFY, IXFR and AXFR
// (RFC 1035, 1996, 1995, 5936) over TCP, signed with TSIG (RFC 8945).
//
// A Peer keeps one connection open to one other node. An SOA query over it is
// heartbeat, round-trip time and anti-entropy in one; NOTIFYs of this node's
// own zone and IXFR of the other's run over it too, while AXFR takes a second
// connection, so that a bulk transfer never blocks a heartbeat. Answer makes
// the records of a transfer for whoever asks this node.
//
// The package knows bindings and DNS messages; it must not know Serf, AMI or
// CoreDNS, nor decide what silence means: it reports Heard and Lost. Start
// reading at Peer.
package xfr
