// Package federation is the CoreDNS plugin that answers where every user of a
// federation of Asterisk servers lives now.
//
// It is the face of a node: setup reads the Corefile (package config) and opens
// nothing; ServeDNS answers from the view that a node keeps (package node), plain
// queries beside the chain of plugins (package fastpath). Here are what a request may
// do (signatures), transfers to peers and secondaries, DNS UPDATE, NOTIFY to
// secondaries, DNSSEC, the names for operators, and metrics.
//
// A Runtime is one federation zone that the process serves. It outlives reloads of
// CoreDNS, so a reload neither leaves Serf nor forgets a registration.
//
// Start reading at ServeDNS, then Registry and Runtime.
package federation
