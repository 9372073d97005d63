// Package federation is the CoreDNS plugin that answers where every user of a
// federation of Asterisk servers lives now.
//
// It joins the parts: ami (what this node's Asterisk knows), serf (which
// nodes there are), zone/xfr (what they know) and zone (the answers). Setup
// reads the Corefile into a Config and opens nothing; a Runtime does the
// work and outlives reloads of CoreDNS, so that a reload neither leaves Serf
// nor forgets a registration.
//
// Start reading at Config, then Runtime, then ServeDNS.
package federation
