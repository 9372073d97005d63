package simulation

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// conn is one end of a stream. A Write never blocks: what it sends arrives
// after the latency between the hosts, in order, and a lost segment delays
// what follows. What is written while the hosts cannot reach each other never
// arrives, nor does anything after it.
type conn struct {
	local, remote *host
	port          int
	sent          *traffic
	in, out       *pipe
	once          sync.Once
}

// pipe is one direction of a stream.
type pipe struct {
	mu       sync.Mutex
	queue    []segment
	last     time.Time // when the newest segment arrives
	broken   bool      // something was lost for good
	deadline time.Time
	closed   bool // by its reader
	unacked  time.Time
	acks     *traffic // of the reader
	wake     chan struct{}
	timer    *time.Timer
}

type segment struct {
	due  time.Time
	data []byte // nil means the end
}

func newConn(a, b *host, port int) (near, far *conn) {
	ta, tb := &a.Transfer, &b.Transfer
	if port == gossipPort {
		ta, tb = &a.Gossip, &b.Gossip
	}
	there := &pipe{wake: make(chan struct{}, 1), acks: tb}
	back := &pipe{wake: make(chan struct{}, 1), acks: ta}
	ta.Conns.Add(1)
	tb.Conns.Add(1)
	return &conn{local: a, remote: b, port: port, sent: ta, in: back, out: there},
		&conn{local: b, remote: a, port: port, sent: tb, in: there, out: back}
}

// What TCP over IPv4 adds: the headers with a timestamp, the data that fits a
// segment of an Ethernet, the wait before an acknowledgement of its own is
// sent, and before a lost segment is sent again (Linux's figures).
const (
	tcpHeader   = 52
	segmentSize = 1448
	delayedAck  = 40 * time.Millisecond
	retransmit  = 200 * time.Millisecond
)

// Write implements net.Conn.
func (c *conn) Write(b []byte) (int, error) {
	segments := (len(b) + segmentSize - 1) / segmentSize
	c.sent.Messages.Add(1)
	c.sent.Octets.Add(int64(len(b) + segments*tcpHeader))
	now := time.Now()
	c.in.acknowledge(now)
	due := now.Add(c.local.latency(c.remote))
	for range segments {
		if c.local.net.lost() {
			due = due.Add(retransmit)
		}
	}
	c.out.push(segment{due, append([]byte(nil), b...)}, c.local.reaches(c.remote))
	return len(b), nil
}

// acknowledge accounts for the acknowledgement of what came in: for free with
// what is written now, or in a packet of its own if that took too long.
func (p *pipe) acknowledge(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.unacked.IsZero() && now.Sub(p.unacked) > delayedAck {
		p.acks.Octets.Add(tcpHeader)
	}
	p.unacked = time.Time{}
}

func (p *pipe) push(s segment, arrives bool) {
	p.mu.Lock()
	p.broken = p.broken || !arrives
	if !p.broken {
		if s.due.Before(p.last) {
			s.due = p.last
		}
		p.last = s.due
		p.queue = append(p.queue, s)
	}
	p.mu.Unlock()
	p.poke()
}

func (p *pipe) poke() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Read implements net.Conn. One goroutine at a time may read.
func (c *conn) Read(b []byte) (int, error) {
	for {
		n, wait, err := c.in.take(b)
		if n > 0 || err != nil {
			return n, err
		}
		c.in.sleep(wait)
	}
}

// take returns what has arrived, or until when to wait (zero: for a poke).
func (p *pipe) take(b []byte) (n int, wait time.Time, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	switch {
	case p.closed:
		return 0, wait, net.ErrClosed
	case !p.deadline.IsZero() && !now.Before(p.deadline):
		return 0, wait, &net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded}
	}
	wait = p.deadline
	if len(p.queue) == 0 {
		return 0, wait, nil
	}
	s := &p.queue[0]
	switch {
	case s.due.After(now):
		if wait.IsZero() || s.due.Before(wait) {
			wait = s.due
		}
		return 0, wait, nil
	case s.data == nil:
		return 0, wait, io.EOF
	}
	if p.unacked.IsZero() {
		p.unacked = now
	}
	n = copy(b, s.data)
	if s.data = s.data[n:]; len(s.data) == 0 {
		if p.queue = p.queue[1:]; len(p.queue) == 0 {
			p.queue = nil
		}
	}
	return n, wait, nil
}

func (p *pipe) sleep(until time.Time) {
	if until.IsZero() {
		<-p.wake
		return
	}
	if p.timer == nil {
		p.timer = time.NewTimer(time.Until(until))
	} else {
		p.timer.Reset(time.Until(until))
	}
	select {
	case <-p.wake:
	case <-p.timer.C:
	}
	p.timer.Stop()
}

// Close implements net.Conn. A host without power says nothing.
func (c *conn) Close() error {
	c.once.Do(func() {
		c.sent.Conns.Add(-1)
		c.in.mu.Lock()
		c.in.closed, c.in.queue = true, nil
		c.in.mu.Unlock()
		c.in.poke()
		c.out.push(segment{due: time.Now().Add(c.local.latency(c.remote))}, c.local.reaches(c.remote))
	})
	return nil
}

// SetReadDeadline implements net.Conn.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.in.mu.Lock()
	sooner := !t.IsZero() && (c.in.deadline.IsZero() || t.Before(c.in.deadline))
	c.in.deadline = t
	c.in.mu.Unlock()
	if sooner {
		c.in.poke()
	}
	return nil
}

// SetDeadline implements net.Conn.
func (c *conn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetWriteDeadline implements net.Conn: a Write never waits.
func (c *conn) SetWriteDeadline(time.Time) error { return nil }

// LocalAddr implements net.Conn.
func (c *conn) LocalAddr() net.Addr { return &net.TCPAddr{IP: c.local.ip, Port: c.port} }

// RemoteAddr implements net.Conn.
func (c *conn) RemoteAddr() net.Addr { return &net.TCPAddr{IP: c.remote.ip, Port: c.port} }
