// Package watch sees when a change arrives at a server: it asks until the answer
// says so.
package watch

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// Watcher asks one server over one socket, for many at a time.
type Watcher struct {
	conn net.Conn
	mu   sync.Mutex
	next uint16
	open map[uint16]chan *dns.Msg
}

// New returns a watcher of the server at "HOST:PORT".
func New(addr string) (*Watcher, error) {
	conn, err := net.Dial("udp", addr)
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", addr, err)
	}
	w := &Watcher{conn: conn, open: map[uint16]chan *dns.Msg{}}
	go w.receive()
	return w, nil
}

// Close ends the watcher.
func (w *Watcher) Close() { w.conn.Close() }

func (w *Watcher) receive() {
	buf := make([]byte, 4096)
	for {
		n, err := w.conn.Read(buf)
		if err != nil {
			return
		}
		m := new(dns.Msg)
		if m.Unpack(buf[:n]) != nil {
			continue
		}
		w.mu.Lock()
		c := w.open[m.Id]
		delete(w.open, m.Id)
		w.mu.Unlock()
		if c != nil {
			c <- m
		}
	}
}

// patience is how long an answer, and a change, may take.
const (
	patience       = time.Second
	changePatience = 20 * time.Second
)

// Until asks for the NAPTR of a name until the first one holds a text, and
// returns the time since then; zero if it never does. It asks for the first time
// after a millisecond, and again a tenth of the time passed later, but half
// a millisecond at least: so exact is the result.
func (w *Watcher) Until(name, want string, since time.Time) time.Duration {
	q := new(dns.Msg).SetQuestion(name, dns.TypeNAPTR)
	<-time.After(time.Millisecond)
	for time.Since(since) < changePatience {
		if m := w.ask(q.Copy()); m != nil && strings.Contains(firstNAPTR(m), want) {
			return time.Since(since)
		}
		<-time.After(max(500*time.Microsecond, time.Since(since)/10))
	}
	return 0
}

func firstNAPTR(m *dns.Msg) string {
	best, text := 1<<16, ""
	for _, rr := range m.Answer {
		if p, ok := rr.(*dns.NAPTR); ok && int(p.Preference) < best {
			best, text = int(p.Preference), p.Regexp
		}
	}
	return text
}

// ask returns the answer to a question, nil if there is none.
func (w *Watcher) ask(q *dns.Msg) *dns.Msg {
	c := make(chan *dns.Msg, 1)
	w.mu.Lock()
	w.next++
	q.Id = w.next
	w.open[q.Id] = c
	w.mu.Unlock()
	wire, err := q.Pack()
	if err != nil {
		return nil
	}
	if _, err := w.conn.Write(wire); err != nil {
		return nil
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case m := <-c:
		return m
	case <-late.C:
		w.mu.Lock()
		delete(w.open, q.Id)
		w.mu.Unlock()
		return nil
	}
}
