package peer

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/asterfed/asterfed/zone/stream"
	"github.com/asterfed/asterfed/zone/tsig"
	"github.com/miekg/dns"
)

// errKey means that the other side answers, but that its answer does not verify:
// the two nodes have different keys, or clocks too far apart.
var errKey = errors.New("transfer key not accepted")

// ErrRefused means that the other side accepts the key, but has no such zone.
var ErrRefused = errors.New("answered REFUSED")

// session is one connection to a name server with several requests under way
// at once. Safe for concurrent use.
type session struct {
	conn  net.Conn
	key   *tsig.Key
	heard func()
	clock *skewed // nil: the wall clock

	writing sync.Mutex // one request at a time
	out     []byte     // the one that is being written

	mu      sync.Mutex
	pending map[uint16]*call
	nextID  uint16
	failed  error
	done    chan struct{}
}

// newSession returns a session that owns conn. The function heard is called for
// every message that arrives and verifies.
func newSession(conn net.Conn, key *tsig.Key, heard func(), clock *skewed) *session {
	s := &session{conn: conn, key: key, heard: heard, clock: clock, pending: map[uint16]*call{}, done: make(chan struct{}),
		nextID: uint16(dns.Id())}
	go s.read()
	return s
}

// close ends the session. The first error is the one that err returns; it is never
// nil.
func (s *session) close(err error) {
	if err == nil {
		err = net.ErrClosed
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil {
		s.failed = err
		s.conn.Close()
		close(s.done)
	}
}

func (s *session) err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

// await waits for c. The error says why it stopped waiting.
func await[T any](ctx context.Context, s *session, c <-chan T) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-s.done:
		return s.err()
	case <-c:
		return nil
	}
}

// read delivers what arrives until the connection ends.
func (s *session) read() {
	in := bufio.NewReaderSize(s.conn, 2048)
	var head [2]byte
	for {
		if _, err := io.ReadFull(in, head[:]); err != nil {
			s.close(fmt.Errorf("connection ended: %w", err))
			return
		}
		n := int(binary.BigEndian.Uint16(head[:]))
		wire := stream.Buffer(n)
		if _, err := io.ReadFull(in, wire); err != nil {
			s.close(fmt.Errorf("connection ended: %w", err))
			return
		}
		if err := s.deliver(wire); err != nil {
			s.close(err)
			return
		}
	}
}

func (s *session) deliver(wire []byte) error {
	if len(wire) < tsig.HeaderSize {
		return fmt.Errorf("unpack answer: it has %d octets", len(wire))
	}
	s.mu.Lock()
	c := s.pending[binary.BigEndian.Uint16(wire)]
	s.mu.Unlock()
	if c == nil {
		stream.Recycle(wire)
		return nil // given up by its caller
	}
	if c.chain != nil {
		msg, err := c.chain.Verify(wire, s.clock.time())
		var late tsig.TimeError
		if errors.As(err, &late) && s.clock != nil {
			return s.clock.learn(late.Theirs)
		}
		if err == tsig.ErrUnsigned && c.blunt && wire[3]&15 == dns.RcodeFormatError {
			s.hand(c, wire)
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: %s is answered %s: %w", errKey, question(wire), dns.RcodeToString[int(wire[3]&15)], err)
		}
		wire = msg
	}
	s.heard()
	s.hand(c, wire)
	return nil
}

func (s *session) hand(c *call, wire []byte) {
	if c.then != nil {
		s.forget(c)
		c.then(wire)
		stream.Recycle(wire)
		return
	}
	select {
	case c.msgs <- wire:
	case <-c.gone:
	case <-s.done:
	}
}

// question returns name and type of a message's question, for errors.
func question(wire []byte) string {
	m := new(dns.Msg)
	if m.Unpack(wire) != nil || len(m.Question) == 0 {
		return "no question"
	}
	return m.Question[0].Name + " " + dns.TypeToString[m.Question[0].Qtype]
}

var errTimeout = errors.New("no answer in time")

// next returns the next message of the call.
func (s *session) next(ctx context.Context, c *call, d time.Duration) ([]byte, error) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case wire := <-c.msgs:
		return wire, verdict(wire)
	case <-s.done:
		return nil, s.err()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-t.C:
		return nil, errTimeout
	}
}

// exchange sends m and returns its one answer. An answer with an RCODE other than
// NOERROR comes with an error.
func (s *session) exchange(ctx context.Context, m *dns.Msg, d time.Duration) (*dns.Msg, error) {
	c, err := s.send(m)
	if err != nil {
		return nil, err
	}
	defer s.forget(c)
	wire, err := s.next(ctx, c, d)
	if wire == nil {
		return nil, err
	}
	r := new(dns.Msg)
	if uerr := r.Unpack(wire); uerr != nil {
		s.close(fmt.Errorf("unpack answer: %w", uerr))
		return nil, s.err()
	}
	return r, err
}
