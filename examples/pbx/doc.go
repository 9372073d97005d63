// Package pbx tests what lives on a PBX beside its phones, with real Asterisks:
// trunks that come and go with their provider, rooms that everybody lands in
// wherever they began, users with several phones or none.
//
// It adds to the configuration of examples/three-nodes, which it starts in a
// laboratory (test/lab), what the folder asterisk holds.
package pbx
