package conformance

import (
	"net"
	"sync/atomic"
	"testing"
	"time"
)

// relay carries TCP connections to a server, each octet delay later.
type relay struct {
	delay atomic.Int64 // time.Duration, one way
	to    string
}

// newRelay listens at an address until the test ends.
func newRelay(t *testing.T, at, to string) *relay {
	t.Helper()
	l, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	r := &relay{to: to}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go r.carry(c)
		}
	}()
	return r
}

// carry joins a connection to one to the server; when one ends, both do.
func (r *relay) carry(c net.Conn) {
	s, err := net.Dial("tcp", r.to)
	if err != nil {
		c.Close()
		return
	}
	go r.copy(c, s)
	r.copy(s, c)
}

type chunk struct {
	at     time.Time
	octets []byte
}

func (r *relay) copy(to, from net.Conn) {
	queue := make(chan chunk, 1024)
	go func() {
		defer to.Close()
		defer from.Close()
		for c := range queue {
			<-time.After(time.Until(c.at))
			if _, err := to.Write(c.octets); err != nil {
				from.Close() // which ends the queue
			}
		}
	}()
	defer close(queue)
	for {
		b := make([]byte, 16<<10)
		n, err := from.Read(b)
		if n > 0 {
			queue <- chunk{time.Now().Add(time.Duration(r.delay.Load())), b[:n]}
		}
		if err != nil {
			return
		}
	}
}
