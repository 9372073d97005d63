package serf

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"
)

// resident returns the memory of this process in RAM, in octets.
func resident(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	var size, pages int
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// peak samples the resident memory until stop is called, which returns the most
// that was seen.
func peak(t *testing.T) (stop func() int) {
	most := resident(t)
	done, result := make(chan struct{}), make(chan int)
	go func() {
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				most = max(most, resident(t))
			case <-done:
				result <- max(most, resident(t))
				return
			}
		}
	}()
	return func() int { close(done); return <-result }
}

// countingLog returns a logger for what an operator keeps, and its length.
func countingLog() (func(*Config), *safeBuffer) {
	out := new(safeBuffer)
	l := slog.New(slog.NewTextHandler(out, nil))
	return func(c *Config) { c.Logger = l }, out
}

// Whoever has no key can neither fill the log nor the memory of a node through
// its gossip port, and the members do not notice. The figures stand in
// docs/security.md.
func TestStrangers(t *testing.T) {
	const encrypted, labelled = 10, 244 // memberlist's message types
	key := withKey(keyFile(t, newKey()))
	debug.FreeOSMemory()

	datagrams := func(t *testing.T, to string) {
		c, err := net.Dial("udp", to)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		r := rand.NewChaCha8([32]byte{1})
		for i := range 10_000 {
			b := make([]byte, 200)
			r.Read(b)
			switch i % 4 {
			case 0: // a label that memberlist quotes
				b[0], b[1] = labelled, 190
			case 1: // a version that it names
				b[0] = byte(i >> 2)
			case 2: // a label cut short
				b[0], b[1] = labelled, 255
			}
			c.Write(b)
		}
	}
	streams := func(n int) func(*testing.T, string) {
		return func(t *testing.T, to string) {
			var wg sync.WaitGroup
			for range n {
				wg.Go(func() {
					c, err := net.Dial("tcp", to)
					if err != nil {
						return
					}
					defer c.Close()
					c.SetDeadline(time.Now().Add(patience))
					head := binary.BigEndian.AppendUint32([]byte{encrypted}, 20<<20)
					if _, err := c.Write(head); err != nil {
						return
					}
					chunk := make([]byte, 64<<10)
					sent := 0
					for sent < 20<<20-len(chunk) {
						n, err := c.Write(chunk)
						if sent += n; err != nil {
							return
						}
					}
					// All went out: the other side has not cut it off.
					if _, err := io.Copy(io.Discard, c); err == nil {
						t.Errorf("%d octets of one connection were taken", sent)
					}
				})
			}
			wg.Wait()
		}
	}
	for _, tc := range []struct {
		name   string
		attack func(*testing.T, string)
	}{
		{"10,000 datagrams", datagrams},
		{"20 connections", streams(20)},
		{"200 connections", streams(200)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			log, out := countingLog()
			n := startNode(t, "n", key, log)
			friend := startNode(t, "friend", key, joining(n), withBind("127.0.0.31:0"))
			n.await(t, EventJoin, "friend")
			friend.await(t, EventJoin, "n")
			runtime.GC()
			debug.FreeOSMemory()
			before, logged := resident(t), out.Len()
			stop := peak(t)
			tc.attack(t, n.Addr().String())
			most := stop()
			// Members are served as before, new ones too.
			late := startNode(t, "late", key, joining(n), withBind("127.0.0.32:0"))
			late.await(t, EventJoin, "n")
			n.await(t, EventJoin, "late")
			if n.status("friend") != StatusAlive {
				t.Error("a member was lost")
			}
			grown, lines := most-before, strings.Count(out.String()[logged:], "\n")
			t.Logf("log: %d octets in %d lines; resident memory: %d MB before, at most %d MB", out.Len()-logged, lines, before>>20, most>>20)
			if size := out.Len() - logged; size > 16<<10 {
				t.Errorf("%d octets in the log", size)
			}
			if grown > 256<<20 { // the race detector doubles it
				t.Errorf("%d MB more memory", grown>>20)
			}
		})
	}
}

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
	l.know([]Member{{Addr: netip.MustParseAddrPort("203.0.113.1:7946")}})
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

// What a stranger puts into a line does not make it a new one, and lines of all
// kinds together are bounded.
func TestLogBudget(t *testing.T) {
	var out bytes.Buffer
	w := newLogWriter(slog.New(slog.NewTextHandler(&out, nil)))
	for i := range 1000 {
		fmt.Fprintf(w, "[ERR] memberlist: discarding packet with unacceptable label %q: from=127.0.0.1:1\n", fmt.Sprint("x", rune('a'+i)))
	}
	if n := bytes.Count(out.Bytes(), []byte("\n")); n != 1 {
		t.Errorf("%d lines, want 1:\n%s", n, out.Bytes())
	}
	for i := range 1000 {
		fmt.Fprintf(w, "[ERR] memberlist: %s\n", bytes.Repeat([]byte("y"), i))
	}
	if n := bytes.Count(out.Bytes(), []byte("\n")); n > logBudget+1 {
		t.Errorf("%d lines, want %d", n, logBudget)
	}
	for line := range bytes.Lines(out.Bytes()) {
		if len(line) > maxLine+100 {
			t.Errorf("a line of %d octets", len(line))
		}
	}
}
