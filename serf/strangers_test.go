package serf

import (
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
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
