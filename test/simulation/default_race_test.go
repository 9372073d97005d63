//go:build race

package simulation

const defaultNodes = "5,8" // the race detector is ten times slower
