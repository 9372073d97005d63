// Package nat runs the example of this folder with real Asterisks and an
// nftables router: two nodes behind one public address, one outside. The tests
// need root and the build tag e2e.
package nat
