// Package peer keeps a node level with the home zones of the other nodes, and
// notifies them of its own changes: SOA, NOTIFY, IXFR and AXFR (RFC 1035, 1996,
// 1995, 5936) over TCP, signed with TSIG (RFC 8945).
//
// A Peer keeps one connection open to one other node. An SOA query over it is
// heartbeat, round-trip time and anti-entropy in one. NOTIFYs of this node's own
// zone and IXFRs of the other's use it too; an AXFR uses a second connection, so
// that a bulk transfer never blocks a heartbeat.
//
// What comes in from elsewhere is only a hint: NOTIFYs and heartbeats that another
// connection brings (HandleNotify, HandleHeartbeat) enter the view if they lead on
// from the version held there and come from the peer's address; otherwise the
// peer is asked. A message that can be replayed never causes a full transfer.
//
// The package knows connections, versions and time. Messages are the matter of
// zone/stream, signatures of zone/tsig. It must not know Serf, AMI or CoreDNS, nor
// decide what silence means: it reports Heard and Lost. Start reading at Peer.
package peer
