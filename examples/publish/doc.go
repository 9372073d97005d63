// Package publish is a node that takes DNS UPDATEs, and what may go wrong with
// them: it sends messages to the real binary, signed well and badly, once and
// twice, and looks at the rcode, and whether anything has changed. Begin with
// the README, which is run as it stands, then wire_test.go.
package publish
