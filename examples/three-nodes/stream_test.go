//go:build e2e

package threenodes

import (
	"fmt"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asterfed/asterfed/test/lab"
)

// placed is a call of a stream.
type placed struct {
	at      time.Time
	through string
	lab.Call
}

// stream places a call to a user every 150 ms, through each of the nodes in
// turn, however long the calls before take.
type stream struct {
	stop chan struct{}
	wg   sync.WaitGroup
	mu   sync.Mutex
	done []placed
}

const patience = 3 * time.Second // of a caller in a stream

func startStream(t *testing.T, to string, through ...*lab.Node) *stream {
	t.Helper()
	s := &stream{stop: make(chan struct{})}
	s.wg.Go(func() {
		tick := time.NewTicker(150 * time.Millisecond)
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-s.stop:
				return
			case <-tick.C:
			}
			s.wg.Go(func() { s.place(through[i%len(through)], to) })
		}
	})
	t.Cleanup(s.end)
	return s
}

func (s *stream) place(n *lab.Node, to string) {
	at := time.Now()
	c, err := l.Dial("short", "1002", n, to, patience)
	if err != nil {
		return
	}
	r := c.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = append(s.done, placed{at, n.Name, r})
}

// end stops placing calls and waits for those under way.
func (s *stream) end() {
	select {
	case <-s.stop:
	default:
		close(s.stop)
	}
	s.wg.Wait()
	sort.Slice(s.done, func(i, j int) bool { return s.done[i].at.Before(s.done[j].at) })
}

// between returns the calls that began in a span of time. The stream has ended.
func (s *stream) between(from, to time.Time) []placed {
	var out []placed
	for _, p := range s.done {
		if p.at.After(from) && p.at.Before(to) {
			out = append(out, p)
		}
	}
	return out
}

// seen reports whether the last calls, one through each of so many nodes, have
// all ended with the response.
func (s *stream) seen(code, after int, since time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := map[string]placed{}
	for _, p := range s.done {
		if p.at.After(since) && p.at.After(last[p.through].at) {
			last[p.through] = p
		}
	}
	n := 0
	for _, p := range last {
		if p.Code == code {
			n++
		}
	}
	return n >= after
}

// list shows calls for a message.
func list(calls []placed, from time.Time) string {
	var b strings.Builder
	for _, p := range calls {
		fmt.Fprintf(&b, "\n  +%s through %s: %d after %s", ms(p.at.Sub(from)), p.through, p.Code, ms(p.After))
	}
	return b.String()
}
