package ami

import (
	"net"
	"sync/atomic"
	"time"
)

// stream reads the messages of a connection in a goroutine of its own.
type stream struct {
	conn net.Conn
	// greeted is closed when the other side has proved to be AMI.
	greeted chan struct{}
	in      chan *Message // filled by receive, which closes it
	free    chan *Message // messages that may be read into again
	err     error         // why in was closed

	began time.Time
	last  atomic.Int64 // nanoseconds from began to the last octets read
}

func newStream(conn net.Conn) *stream {
	return &stream{conn: conn, greeted: make(chan struct{}), in: make(chan *Message, 256), free: make(chan *Message, 256), began: time.Now()}
}

// heard returns when something was read last; the beginning counts.
func (s *stream) heard() time.Time { return s.began.Add(time.Duration(s.last.Load())) }

// Read notes that the other side is alive; receive reads through it.
func (s *stream) Read(p []byte) (int, error) {
	n, err := s.conn.Read(p)
	if n > 0 {
		s.last.Store(int64(time.Since(s.began)))
	}
	return n, err
}

// receive parses what arrives until the connection ends.
func (s *stream) receive() {
	defer close(s.in)
	r := NewReader(s)
	if s.err = r.Banner(); s.err != nil {
		return
	}
	close(s.greeted)
	for {
		m := s.blank()
		if err := r.Read(m); err != nil {
			s.err = err
			return
		}
		s.in <- m
	}
}

// close ends the connection, and waits for receive.
func (s *stream) close() {
	s.conn.Close()
	for range s.in { // receive may wait to send
	}
}

// blank returns a message to read into.
func (s *stream) blank() *Message {
	select {
	case m := <-s.free:
		return m
	default:
		return new(Message)
	}
}

// reuse lets blank return a message that was handled.
func (s *stream) reuse(m *Message) {
	select {
	case s.free <- m:
	default:
	}
}
