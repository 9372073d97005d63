package xfr

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// ErrKey means that the other side answers, but that its answer proves
// nothing: the two nodes have different keys, or clocks too far apart.
var ErrKey = errors.New("transfer key not accepted")

// ErrRefused means that the other side takes the key, but has no such zone.
var ErrRefused = errors.New("answered REFUSED")

// fudge is the clock difference that a TSIG tolerates, in seconds.
const fudge = 300

// session is one connection to a name server with several requests under way
// at once. Safe for concurrent use.
type session struct {
	conn  net.Conn
	key   *Key
	heard func()

	writing sync.Mutex // one request at a time

	mu      sync.Mutex
	pending map[uint16]*call
	nextID  uint16
	failed  error
	done    chan struct{}
}

// call is a request under way. Its messages come in order.
type call struct {
	mac    string
	timers bool
	msgs   chan *dns.Msg
	gone   chan struct{} // closed when its caller has given up
}

// newSession takes over conn. The function heard is called for every message
// that arrives and verifies.
func newSession(conn net.Conn, key *Key, heard func()) *session {
	s := &session{conn: conn, key: key, heard: heard, pending: map[uint16]*call{}, done: make(chan struct{}),
		nextID: uint16(dns.Id())}
	go s.read()
	return s
}

func (s *session) close(err error) {
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

// send signs and writes m and returns the call that gets its answers.
func (s *session) send(m *dns.Msg) (*call, error) {
	c, wire, err := s.open(m)
	if err != nil {
		return nil, err
	}
	buf := make([]byte, 2, 2+len(wire))
	binary.BigEndian.PutUint16(buf, uint16(len(wire)))
	s.writing.Lock()
	defer s.writing.Unlock()
	s.conn.SetWriteDeadline(time.Now().Add(2 * time.Second))
	if _, err := s.conn.Write(append(buf, wire...)); err != nil {
		s.forget(m.Id)
		return nil, fmt.Errorf("send request: %w", err)
	}
	return c, nil
}

// open gives m an ID and a signature, and makes the call that waits for its
// answers. Answers are read while a request is being written: a server that
// reads nothing until it has written would otherwise wait for us, and we for it.
func (s *session) open(m *dns.Msg) (*call, []byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed != nil {
		return nil, nil, s.failed
	}
	for s.nextID++; s.pending[s.nextID] != nil; s.nextID++ {
	}
	m.Id = s.nextID
	c := &call{msgs: make(chan *dns.Msg, 16), gone: make(chan struct{})}
	wire, err := s.sign(m, c)
	if err != nil {
		return nil, nil, fmt.Errorf("sign request: %w", err)
	}
	s.pending[m.Id] = c
	return c, wire, nil
}

func (s *session) sign(m *dns.Msg, c *call) ([]byte, error) {
	if s.key == nil {
		return m.Pack()
	}
	m.SetTsig(s.key.Name, s.key.Algorithm, fudge, time.Now().Unix())
	wire, mac, err := dns.TsigGenerate(m, s.key.Secret, "", false)
	c.mac = mac
	return wire, err
}

func (s *session) forget(id uint16) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.pending[id]; c != nil {
		close(c.gone)
		delete(s.pending, id)
	}
}

// read delivers what arrives until the connection ends.
func (s *session) read() {
	var head [2]byte
	for {
		if _, err := io.ReadFull(s.conn, head[:]); err != nil {
			s.close(fmt.Errorf("connection ended: %w", err))
			return
		}
		wire := make([]byte, binary.BigEndian.Uint16(head[:]))
		if _, err := io.ReadFull(s.conn, wire); err != nil {
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
	m, err := unpack(wire)
	if err != nil {
		return fmt.Errorf("unpack answer: %w", err)
	}
	s.mu.Lock()
	c := s.pending[m.Id]
	s.mu.Unlock()
	if c == nil {
		return nil // given up by its caller
	}
	if s.key != nil {
		t := m.IsTsig()
		if t == nil {
			return fmt.Errorf("%w: %s is answered %s, unsigned", ErrKey, question(m), dns.RcodeToString[m.Rcode])
		}
		if err := dns.TsigVerify(wire, s.key.Secret, c.mac, c.timers); err != nil {
			return fmt.Errorf("%w: %s is answered %s: %w", ErrKey, question(m), dns.RcodeToString[m.Rcode], err)
		}
		c.mac, c.timers = t.MAC, true
	}
	s.heard()
	select {
	case c.msgs <- m:
	case <-c.gone:
	case <-s.done:
	}
	return nil
}

func question(m *dns.Msg) string {
	if len(m.Question) == 0 {
		return "no question"
	}
	return m.Question[0].Name + " " + dns.TypeToString[m.Question[0].Qtype]
}

var errTimeout = errors.New("no answer in time")

// next returns the next message of the call.
func (s *session) next(ctx context.Context, c *call, d time.Duration) (*dns.Msg, error) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case m := <-c.msgs:
		if m.Rcode == dns.RcodeRefused {
			return m, fmt.Errorf("%s: %w", question(m), ErrRefused)
		}
		if m.Rcode != dns.RcodeSuccess {
			return m, fmt.Errorf("%s answered %s", question(m), dns.RcodeToString[m.Rcode])
		}
		return m, nil
	case <-s.done:
		return nil, s.err()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-t.C:
		return nil, errTimeout
	}
}

// exchange sends m and returns its one answer.
func (s *session) exchange(ctx context.Context, m *dns.Msg, d time.Duration) (*dns.Msg, error) {
	c, err := s.send(m)
	if err != nil {
		return nil, err
	}
	defer s.forget(m.Id)
	return s.next(ctx, c, d)
}
