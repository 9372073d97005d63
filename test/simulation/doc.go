// Package simulation runs federations of many nodes in one process and in
// virtual time (testing/synctest), and measures what a node costs as their
// number grows.
//
// What runs is the real code: Serf and memberlist with the settings of profile
// lan, primary.Primary, answer.Zone and xfr.Peer, and the DNS server that CoreDNS
// builds on. Only the network below is a model: network carries packets and
// streams with latency, loss and cuts, and counts octets as they would be on
// the wire. Asterisk is a flag that says whether SIP OPTIONS is answered.
//
// What virtual time cannot show: lag and detection are those of nodes that are
// never short of CPU, and no system call or kernel is paid for. The CPU column
// says when a node would be short; BenchmarkLoopback what sockets add to it.
//
// Start reading at run, then federation and network.
package simulation
