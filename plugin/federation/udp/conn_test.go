package udp

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/reuseport"
)

// capital answers what begins with a capital letter, with the same and "!".
func capital(buf, datagram []byte, _ netip.AddrPort) ([]byte, bool) {
	if len(datagram) == 0 || datagram[0] < 'A' || datagram[0] > 'Z' {
		return nil, false
	}
	return append(append(buf, datagram...), '!'), true
}

// slow reads from a socket and answers with the datagram and "?".
func slow(t *testing.T, c net.PacketConn) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, maxRequest)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			c.WriteTo(append(bytes.Clone(b[:n]), '?'), from)
		}
	}()
	t.Cleanup(func() { // as miekg/dns does it
		c.SetReadDeadline(time.Unix(1, 0))
		<-done
		c.Close()
	})
}

// start opens the socket of another server and one of ours beside it.
func start(t *testing.T, addr string) (string, *Conn) {
	t.Helper()
	other, err := (&net.ListenConfig{Control: reuseport.Control}).ListenPacket(t.Context(), "udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	addr = other.LocalAddr().String()
	t.Cleanup(func() { other.Close() })
	c, err := Listen(addr, 1, capital)
	if err != nil {
		t.Fatal(err)
	}
	return addr, c
}

func dial(t *testing.T, network, addr string) *net.UDPConn {
	t.Helper()
	c, err := net.Dial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(10 * time.Second))
	return c.(*net.UDPConn)
}

func ask(t *testing.T, c *net.UDPConn, s, want string) {
	t.Helper()
	if _, err := c.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, MaxReply)
	n, err := c.Read(b)
	if err != nil {
		t.Fatalf("ask %q: %v", s, err)
	}
	if got := string(b[:n]); got != want {
		t.Errorf("ask %q: got %q, want %q", s, got, want)
	}
}

// What Answer takes is answered, all else reaches the reader; nothing goes to
// the other socket, which nobody reads.
func TestConn(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0", ":0"} {
		t.Run(addr, func(t *testing.T) {
			at, c := start(t, addr)
			slow(t, c)
			_, port, _ := net.SplitHostPort(at)
			targets := []string{at}
			if addr == ":0" { // a reply comes from the address asked, or a connected socket drops it
				targets = []string{"127.0.0.1:" + port, "127.0.0.7:" + port, "[::1]:" + port}
			}
			for _, to := range targets {
				for i := range 20 {
					d := dial(t, "udp", to)
					ask(t, d, fmt.Sprint("Yes", i), fmt.Sprint("Yes", i, "!"))
					ask(t, d, fmt.Sprint("no", i), fmt.Sprint("no", i, "?"))
				}
			}
		})
	}
}

// Many datagrams at once are all answered, the ones that Answer leaves too.
func TestBatch(t *testing.T) {
	at, c := start(t, "127.0.0.1:0")
	d := dial(t, "udp", at)
	const n = 200
	for i := range n { // they wait in the socket
		s := fmt.Sprint("Yes", i)
		if i%7 == 0 {
			s = fmt.Sprint("no", i)
		}
		if _, err := d.Write([]byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	slow(t, c)
	seen := map[string]bool{}
	b := make([]byte, MaxReply)
	for range n {
		k, err := d.Read(b)
		if err != nil {
			t.Fatalf("%d of %d answers: %v", len(seen), n, err)
		}
		seen[string(b[:k])] = true
	}
	if len(seen) != n {
		t.Errorf("%d different answers, want %d", len(seen), n)
	}
}

// What waits together is looked at before any of it is answered.
func TestLookAhead(t *testing.T) {
	at, c := start(t, "127.0.0.1:0")
	var seen []string
	c.LookAhead(func(d []byte) { seen = append(seen, string(d)) })
	d := dial(t, "udp", at)
	want := []string{"Yes0", "Yes1", "Yes2", "Yes3", "Yes4", "no", ""}
	for _, s := range want[:6] {
		d.Write([]byte(s))
	}
	b := make([]byte, maxRequest)
	n, _, err := c.ReadFrom(b)
	if err != nil || string(b[:n]) != "no" || !slices.Equal(seen, want) {
		t.Errorf("read %q, %v; saw %q, want %q", b[:n], err, seen, want)
	}
	c.Close()
}

// A new Conn has the socket of the old one with all that waits in it; when the
// last one is closed, what waits is answered, and the other socket gets the
// datagrams again.
func TestInherit(t *testing.T) {
	other, err := (&net.ListenConfig{Control: reuseport.Control}).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := other.LocalAddr().String()
	first, err := Listen(at, 1, capital)
	if err != nil {
		t.Fatal(err)
	}
	d := dial(t, "udp", at)
	d.Write([]byte("Waits"))
	second, err := Listen(at, 1, capital)
	if err != nil {
		t.Fatal(err)
	}
	first.Close()
	d.Write([]byte("Too"))
	second.Close()
	for range 2 {
		b := make([]byte, MaxReply)
		n, err := d.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		if s := string(b[:n]); s != "Waits!" && s != "Too!" {
			t.Errorf("got %q", s)
		}
	}
	slow(t, other)
	for i := range 20 {
		ask(t, dial(t, "udp", at), fmt.Sprint("Now", i), fmt.Sprint("Now", i, "?"))
	}
}

// A Conn whose socket another one has taken over still answers what it has received: the
// server ends between two datagrams of a batch.
func TestCloseWithinABatch(t *testing.T) {
	other, err := (&net.ListenConfig{Control: reuseport.Control}).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	at := other.LocalAddr().String()
	first, err := Listen(at, 1, capital)
	if err != nil {
		t.Fatal(err)
	}
	d := dial(t, "udp", at)
	for _, s := range []string{"Before", "no", "Behind"} {
		d.Write([]byte(s))
	}
	b := make([]byte, MaxReply)
	if n, _, err := first.ReadFrom(b); err != nil || string(b[:n]) != "no" {
		t.Fatalf("read %q, %v", b[:n], err)
	}
	second, err := Listen(at, 1, capital)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	first.Close()
	for _, want := range []string{"Before!", "Behind!"} {
		n, err := d.Read(b)
		if err != nil {
			t.Fatalf("no %q: %v", want, err)
		}
		if got := string(b[:n]); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// Control messages that are cut short or say nothing are ignored.
func FuzzReplyControl(f *testing.F) {
	v4, data := header(nil, 0, 8, 12)
	copy(data[8:], []byte{192, 0, 2, 1})
	v6, _ := header(nil, 41, 50, 20)
	f.Add(v4)
	f.Add(v6)
	f.Add(append(v4, v6...))
	f.Fuzz(func(t *testing.T, in []byte) {
		var room [controlSize]byte
		if out := replyControl(room[:0], bytes.Clone(in)); len(out) > controlSize/2 {
			t.Errorf("%d octets for one address", len(out))
		}
	})
}
