package xfr

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

	"github.com/miekg/dns"
)

// ErrKey means that the other side answers, but that its answer proves
// nothing: the two nodes have different keys, or clocks too far apart.
var ErrKey = errors.New("transfer key not accepted")

// ErrRefused means that the other side takes the key, but has no such zone.
var ErrRefused = errors.New("answered REFUSED")

// session is one connection to a name server with several requests under way
// at once. Safe for concurrent use.
type session struct {
	conn  net.Conn
	key   *Key
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

// call is a request under way. Its messages come in order, verified and
// without their TSIGs.
type call struct {
	id    uint16
	blunt bool   // a FORMERR without a signature is an answer: servers send it to what they do not read
	chain *chain // nil without a key
	msgs  chan []byte
	gone  chan struct{} // closed when its caller has given up
	// then takes the one answer in place of msgs. The goroutine that reads calls
	// it, so that nobody has to be woken up; it must not block.
	then func(wire []byte)
}

// newSession takes over conn. The function heard is called for every message
// that arrives and verifies.
func newSession(conn net.Conn, key *Key, heard func(), clock *skewed) *session {
	s := &session{conn: conn, key: key, heard: heard, clock: clock, pending: map[uint16]*call{}, done: make(chan struct{}),
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

// await waits for c, and returns why there is no more to wait for otherwise.
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

// send signs and writes m and returns the call that gets its answers.
func (s *session) send(m *dns.Msg) (*call, error) {
	wire, err := m.Pack()
	if err != nil {
		return nil, fmt.Errorf("pack request: %w", err)
	}
	c := &call{msgs: make(chan []byte, 4), gone: make(chan struct{})}
	return c, s.write(c, wire, writeLimit)
}

// writeLimit is how long the writing of a request may take.
const writeLimit = 2 * time.Second

// ask sends a request that is packed, but for its ID, and has its answer taken
// by then. One that takes longer than limit to write ends the session.
func (s *session) ask(wire []byte, blunt bool, limit time.Duration, then func(wire []byte)) (*call, error) {
	c := &call{blunt: blunt, gone: make(chan struct{}), then: then}
	return c, s.write(c, wire, limit)
}

// write gives a request an ID and a signature, and writes it. Answers are read
// meanwhile: a server that reads nothing until it has written would otherwise
// wait for us, and we for it.
func (s *session) write(c *call, wire []byte, limit time.Duration) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.out = append(append(s.out[:0], 0, 0), wire...)
	msg, err := s.open(c, s.out[2:])
	if err != nil {
		return err
	}
	if len(msg) > dns.MaxMsgSize-1 {
		s.forget(c)
		return fmt.Errorf("request has %d octets", len(msg))
	}
	s.out = append(s.out[:2], msg...) // the signature may have moved it
	binary.BigEndian.PutUint16(s.out, uint16(len(msg)))
	s.conn.SetWriteDeadline(time.Now().Add(limit))
	if _, err := s.conn.Write(s.out); err != nil {
		s.forget(c)
		err = fmt.Errorf("send request: %w", err)
		s.close(err) // a part of the message may be on its way
		return err
	}
	if cap(s.out) > longMessage {
		s.out = nil
	}
	return nil
}

// open makes a call one that waits for its answers, and signs its request.
func (s *session) open(c *call, wire []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed != nil {
		return nil, s.failed
	}
	for s.nextID++; s.pending[s.nextID] != nil; s.nextID++ {
	}
	c.id = s.nextID
	binary.BigEndian.PutUint16(wire, c.id)
	if s.key != nil {
		var err error
		if c.chain, err = newChain(s.key, nil); err != nil {
			return nil, fmt.Errorf("sign request: %w", err)
		}
		wire = c.chain.sign(wire, s.clock.time())
	}
	s.pending[c.id] = c
	return wire, nil
}

// idle reports whether no request waits for an answer.
func (s *session) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.pending) == 0
}

func (s *session) forget(c *call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending[c.id] == c {
		close(c.gone)
		delete(s.pending, c.id)
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
		var wire []byte
		if n < longMessage {
			wire = make([]byte, n)
		} else {
			wire = buffers.Get().(*[dns.MaxMsgSize]byte)[:n]
		}
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
	if len(wire) < headerSize {
		return fmt.Errorf("unpack answer: it has %d octets", len(wire))
	}
	s.mu.Lock()
	c := s.pending[binary.BigEndian.Uint16(wire)]
	s.mu.Unlock()
	if c == nil {
		recycle(wire)
		return nil // given up by its caller
	}
	if c.chain != nil {
		msg, err := c.chain.verify(wire, s.clock.time())
		var late badTime
		if errors.As(err, &late) && s.clock != nil {
			return s.clock.learn(late.theirs)
		}
		if err == errUnsigned && c.blunt && wire[3]&15 == dns.RcodeFormatError {
			s.hand(c, wire)
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: %s is answered %s: %w", ErrKey, question(wire), dns.RcodeToString[int(wire[3]&15)], err)
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
		recycle(wire)
		return
	}
	select {
	case c.msgs <- wire:
	case <-c.gone:
	case <-s.done:
	}
}

// question tells what a message answers.
func question(wire []byte) string {
	m := new(dns.Msg)
	if m.Unpack(wire) != nil || len(m.Question) == 0 {
		return "no question"
	}
	return m.Question[0].Name + " " + dns.TypeToString[m.Question[0].Qtype]
}

// verdict is the error that the RCODE of an answer means.
func verdict(wire []byte) error {
	switch rcode := int(wire[3] & 15); rcode {
	case dns.RcodeSuccess:
		return nil
	case dns.RcodeRefused:
		return fmt.Errorf("%s: %w", question(wire), ErrRefused)
	default:
		return fmt.Errorf("%s answered %s", question(wire), dns.RcodeToString[rcode])
	}
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

// exchange sends m and returns its one answer, also one that is an error.
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
