// Bench measures asterfed beside the servers that people use: the same names
// and questions, in one run, in turns. dnsperf has one core, the server that
// is asked another one; what counts is the ratio.
//
//	go run ./test/bench -names 1000000 -rounds 5 -write docs/performance.md
//
// It runs in a network namespace of its own, which ends with it (Linux, as
// root), and writes its tables between the markers of the file.
//
// Start reading at main.go; world.go makes the names, contender.go the
// servers, compare.go the measurement.
package main
