// Package answer makes the answers of the federation zone out of a view: users,
// numbers in the ENUM tree, trunks, services and nodes, ranked by the policy of
// the Corefile, packed for a datagram, or explained.
//
// Zone has no data but counters. It reads the view through a few methods (Named,
// Keyed, Lengths, AboveName, AboveNumber, EachNumber, Homes), and knows no
// socket, Serf, AMI or CoreDNS. Start reading at Zone, then Lookup.
package answer
