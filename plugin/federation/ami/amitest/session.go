package amitest

import (
	"bufio"
	"net"
	"strings"
	"sync"
	"time"
)

const (
	// chunk is how much of a list is written at once.
	chunk = 64 << 10
	// maxQueue is how far a client may fall behind before it is dropped.
	maxQueue = 256 << 20
)

// session is one AMI connection.
type session struct {
	s    *Server
	conn net.Conn

	mu     sync.Mutex
	cond   *sync.Cond
	out    []byte // to be written
	ending bool   // close once out is written
	closed bool
	muted  bool // nothing is written

	// guarded by Server.mu
	loggedIn bool
	mask     string // classes of events wanted, from Login
	// read and write are the classes granted: Asterisk looks at them at the login
	// and never again.
	read, write string
	filter      filter
}

// serve starts a session; s.mu is held.
func (s *Server) serve(conn net.Conn) {
	c := &session{s: s, conn: conn, muted: s.muted}
	c.cond = sync.NewCond(&c.mu)
	s.sessions[c] = struct{}{}
	c.queue([]byte("Asterisk Call Manager/" + s.amiVersion() + "\r\n"))
	s.wg.Go(c.writeLoop)
	s.wg.Go(func() {
		c.readLoop()
		s.mu.Lock()
		delete(s.sessions, c)
		s.mu.Unlock()
	})
}

// queue adds octets to write; it does not block.
func (c *session) queue(b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.ending {
		return
	}
	if len(c.out)+len(b) > maxQueue {
		c.closed = true
		c.conn.Close()
	}
	c.out = append(c.out, b...)
	c.cond.Broadcast()
}

// drain blocks until little is left to write, so that a long list does not
// pile up in memory.
func (c *session) drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.out) > 4*chunk && !c.closed {
		c.cond.Wait()
	}
}

func (c *session) writeLoop() {
	var buf []byte
	for {
		c.mu.Lock()
		for (len(c.out) == 0 || c.muted) && !c.closed && !c.ending {
			c.cond.Wait()
		}
		if c.closed || len(c.out) == 0 {
			c.closed = true
			c.cond.Broadcast()
			c.mu.Unlock()
			c.conn.Close()
			return
		}
		buf, c.out = c.out, buf[:0]
		c.cond.Broadcast()
		c.mu.Unlock()
		if _, err := c.conn.Write(buf); err != nil {
			c.close(false)
		}
		if cap(buf) > 16*chunk {
			buf = nil
		}
	}
}

func (c *session) mute(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.muted = on
	c.cond.Broadcast()
}

// close ends the session, after what is queued was written if flush is set.
func (c *session) close(flush bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending && !flush { // the writer closes, soon
		return
	}
	if flush && !c.closed {
		c.ending = true
		_ = c.conn.SetWriteDeadline(time.Now().Add(time.Second))
	} else {
		c.closed = true
		c.conn.Close()
	}
	c.cond.Broadcast()
}

// maxBehind is how many actions may wait for their answer. A client that
// writes on must not block while a long list is on its way to it.
const maxBehind = 1024

// readLoop reads actions until the connection ends.
func (c *session) readLoop() {
	actions := make(chan Action, maxBehind)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for a := range actions {
			if !c.s.answer(c, a) {
				break
			}
		}
		c.close(false)
		for range actions { // sent before the end
		}
	}()
	c.parse(actions)
	close(actions)
	c.close(false)
	<-done
}

func (c *session) parse(actions chan<- Action) {
	sc := bufio.NewScanner(c.conn)
	var a Action
	for sc.Scan() {
		line := strings.TrimSuffix(sc.Text(), "\r")
		if line != "" {
			name, value, _ := strings.Cut(line, ":")
			a.Headers = append(a.Headers, Header{name, strings.TrimSpace(value)})
			continue
		}
		if len(a.Headers) > 0 {
			actions <- a
		}
		a = Action{}
	}
}
