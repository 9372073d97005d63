// Package bindsecondary is BIND as a secondary of the federation zone. Begin
// with the README, which is run as it stands, then bind_e2e_test.go: BIND
// follows 10,000 random changes by IXFR, and is then held to what the node
// answers.
package bindsecondary
