//go:build !race

package udp

import "testing"

// The way of a datagram allocates nothing.
func TestAllocations(t *testing.T) {
	at, c := start(t, "127.0.0.1:0")
	defer c.Close()
	d := dial(t, "udp", at)
	reply := make([]byte, MaxReply)
	if n := testing.AllocsPerRun(200, func() {
		d.Write([]byte("Yes"))
		if err := c.raw.Read(c.receive); err != nil {
			t.Fatal(err)
		}
		c.serve()
		c.flush()
		c.next, c.in.n = 0, 0
		d.Read(reply)
	}); n != 0 {
		t.Errorf("%v allocations for a datagram and its reply, want none", n)
	}
}
