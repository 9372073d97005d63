// Package conformance asks the real binary over real sockets, and holds each
// answer to the sentence of the RFC that it cites. It knows DNS and nothing of
// how the answers come about. Begin with cases_test.go; nodes_test.go says who
// is bound where.
package conformance
