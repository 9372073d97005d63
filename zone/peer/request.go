package peer

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/asterfed/asterfed/zone/tsig"
	"github.com/miekg/dns"
)

// call is a request under way. The messages of its answer come in order, verified
// and without their TSIGs.
type call struct {
	id    uint16
	blunt bool        // a FORMERR without a signature is an answer: servers send it to what they do not read
	chain *tsig.Chain // nil without a key
	msgs  chan []byte
	gone  chan struct{} // closed when its caller has given up
	// then handles the one answer, in place of msgs. The goroutine that reads calls
	// it, so that no other has to wake up; it must not block.
	then func(wire []byte)
}

// send signs and writes m and returns the call that gets its answers.
func (s *session) send(m *dns.Msg) (*call, error) {
	wire, err := m.Pack()
	if err != nil {
		return nil, fmt.Errorf("pack request: %w", err)
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	c := &call{msgs: make(chan []byte, 4), gone: make(chan struct{})}
	return c, s.write(c, wire, writeLimit)
}

// longRequest is the length of a request from which its buffer is not reused.
const longRequest = 1 << 14

// writeLimit is how long the writing of a request may take.
const writeLimit = 2 * time.Second

// ask sends a request that is packed but for its ID. Its one answer goes to then.
func (s *session) ask(wire []byte, blunt bool, then func(wire []byte)) (*call, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	c := &call{blunt: blunt, gone: make(chan struct{}), then: then}
	return c, s.write(c, wire, writeLimit)
}

// write gives a request an ID and a signature, and writes it. Answers are read
// meanwhile; otherwise a server that reads nothing until it has written would wait
// for us, and we for it. The caller holds the lock for writing.
func (s *session) write(c *call, wire []byte, limit time.Duration) error {
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
	if cap(s.out) > longRequest {
		s.out = nil
	}
	return nil
}

// open registers a call for its answers and signs its request.
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
		if c.chain, err = tsig.New(s.key, nil); err != nil {
			return nil, fmt.Errorf("sign request: %w", err)
		}
		wire = c.chain.Sign(wire, s.clock.time())
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

// verdict is the error that the RCODE of an answer means.
func verdict(wire []byte) error {
	switch rcode := int(wire[3] & 15); rcode {
	case dns.RcodeSuccess:
		return nil
	case dns.RcodeRefused:
		return fmt.Errorf("%s: %w", question(wire), ErrRefused)
	default:
		return fmt.Errorf("%s: %w", question(wire), rcodeError(rcode))
	}
}

// rcodeError is an answer with an RCODE that is neither NOERROR nor REFUSED.
type rcodeError int

func (e rcodeError) Error() string { return "answered " + dns.RcodeToString[int(e)] }
