//go:build !race

package simulation

const defaultNodes = "10,25"
