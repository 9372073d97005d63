// Guard counts the instructions and allocations of the hot paths and compares
// them with those written down in baseline.txt: more by a tenth is an error.
// Unlike times they are the same on a busy machine.
//
//	go run ./test/guard           compare
//	go run ./test/guard -write    take what is counted for the new baseline
//
// The instructions are valgrind's. Each path is run a few times and many times in
// processes of their own; what counts is the difference, for one time.
//
// Start reading at main.go; path.go has the paths.
package main
