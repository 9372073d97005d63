//go:build !race

package history

import "testing"

// A chunk takes no memory but its own.
func TestPackAllocates(t *testing.T) {
	var p packer
	list := second(100)
	if n := testing.AllocsPerRun(20, func() { p.pack(list) }); n > 1 {
		t.Errorf("%v allocations for a chunk, want 1", n)
	}
}
