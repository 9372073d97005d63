package node

import (
	"net"
	"net/netip"
	"testing"
)

// TestDial: a node dials from the address at which others know it, where it has
// that one.
func TestDial(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, c := range []struct{ transfer, from string }{
		{"127.0.0.77:53", "127.0.0.77"},
		{"192.0.2.1:53", "127.0.0.1"}, // of a gateway
		{"[::1]:53", "127.0.0.1"},
	} {
		conn, err := dialFrom(t.Context(), netip.MustParseAddrPort(c.transfer).Addr(), "tcp", l.Addr().String())
		if err != nil {
			t.Errorf("%s: %v", c.transfer, err)
			continue
		}
		if at := conn.LocalAddr().(*net.TCPAddr).IP.String(); at != c.from {
			t.Errorf("%s: dials from %s, want %s", c.transfer, at, c.from)
		}
		conn.Close()
	}
}
