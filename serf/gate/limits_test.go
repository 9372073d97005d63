package gate

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"testing"
)

// One address has its share, and what it used is free again when it goes.
func TestStreamLimits(t *testing.T) {
	l := newLimits(slog.New(slog.DiscardHandler))
	open := func(from string) net.Conn {
		near, far := net.Pipe()
		t.Cleanup(func() { far.Close() })
		go io.Copy(far, zeros{})
		return l.admit(from2{near, from})
	}
	var conns []net.Conn
	for range maxStreamsFrom {
		c := open("192.0.2.1:1")
		if c == nil {
			t.Fatal("refused before the bound")
		}
		conns = append(conns, c)
	}
	if open("192.0.2.1:2") != nil {
		t.Error("one more from the same address")
	}
	other := open("192.0.2.2:1")
	if other == nil {
		t.Fatal("another address is refused")
	}
	six := open("[2001:db8::1]:1")
	if six == nil || len(l.from) != 3 {
		t.Fatal("IPv6 is refused")
	}
	open("[2001:db8::2]:1")
	if len(l.from) != 3 {
		t.Error("two addresses of one /64 count apart")
	}

	drain := func(c net.Conn) (n int64) { n, _ = io.Copy(io.Discard, c); return n }
	if n := drain(other); n > maxOctets || n < maxOctets-64<<10 {
		t.Errorf("%d octets of one connection, want %d", n, maxOctets)
	}
	var sum int64
	for _, c := range conns {
		sum += drain(c)
	}
	if sum > maxOctetsFrom || sum < maxOctetsFrom-64<<10 {
		t.Errorf("%d octets of one address, want %d", sum, maxOctetsFrom)
	}
	for _, c := range conns {
		c.Close()
		c.Close() // counts once
	}
	again := open("192.0.2.1:3")
	if again == nil {
		t.Fatal("refused after all were closed")
	}
	if n := drain(again); n < maxOctets-64<<10 {
		t.Errorf("%d octets after all were closed", n)
	}
	for i := 0; l.total.streams < maxStreams; i++ {
		if open(fmt.Sprintf("198.51.100.%d:1", i%100)) == nil {
			t.Fatal("refused before the bound on all")
		}
	}
	for _, from := range []string{"203.0.113.1:1", "127.0.0.1:1"} {
		if open(from) != nil {
			t.Errorf("one more than the bound on all, from %s", from)
		}
	}
	l.know([]netip.Addr{netip.MustParseAddr("203.0.113.1")})
	if open("203.0.113.1:1") == nil {
		t.Error("strangers keep a member out")
	}
	if open("203.0.113.2:1") != nil {
		t.Error("a member makes room for a stranger")
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

type from2 struct {
	net.Conn
	addr string
}

func (c from2) RemoteAddr() net.Addr {
	a, err := net.ResolveTCPAddr("tcp", c.addr)
	if err != nil {
		panic(err)
	}
	return a
}
