// Package federation is the CoreDNS plugin that answers where every user of a
// federation of Asterisk servers lives now.
//
// It is the face of a node. setup reads the Corefile (package config) and opens
// nothing. front decides, before every plugin, what leaves the server. ServeDNS answers
// from the view that a node keeps (package node); plain queries are answered beside the
// chain of plugins (package fastpath). Each of these has a file: signatures, transfers
// of home zones, transfers of the federation zone (outbound), what the holder of an
// update key may read (reader), DNS UPDATE, DNSSEC, the names for operators, metrics.
//
// An authority is one federation zone that the process serves. It outlives reloads of
// CoreDNS, so a reload neither leaves Serf nor forgets a registration.
//
// Start reading at ServeDNS, then Registry and authority.
package federation
