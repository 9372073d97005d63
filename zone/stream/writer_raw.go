package stream

import (
	"encoding/binary"
	"fmt"

	"github.com/miekg/dns"
)

// Stream writes the records of a transfer that its caller makes. Not safe for
// concurrent use.
type Stream struct {
	to  sink
	ttl uint32
}

// NewStream returns a stream of signed messages that r sends, for the zone
// apex, which r.Msg asks for.
func NewStream(r Reply, apex string, ttl uint32) (*Stream, error) {
	w, err := newWriter(r, apex, ttl)
	return &Stream{w, ttl}, err
}

// NewSections returns a stream for callers that sign and pack messages themselves:
// send is called with the answer sections, one for each message.
func NewSections(apex string, ttl uint32, send func([]dns.RR) error) *Stream {
	return &Stream{&sections{apex: apex, ttl: ttl, send: send}, ttl}
}

// Record writes one record.
func (s *Stream) Record(rr dns.RR) error { return s.to.record(rr) }

// Flush sends what has not been sent yet. It ends the transfer.
func (s *Stream) Flush() error { return s.to.flush() }

// Raw writes a record of class IN whose RDATA is in wire form, its names not
// compressed.
func (s *Stream) Raw(owner string, rtype uint16, rdata string) error {
	if w, ok := s.to.(*writer); ok {
		return w.raw(owner, rtype, rdata)
	}
	b := binary.BigEndian.AppendUint16(make([]byte, 0, 11+len(rdata)), rtype)
	b = binary.BigEndian.AppendUint16(append([]byte{0}, b...), dns.ClassINET)
	b = binary.BigEndian.AppendUint32(b, s.ttl)
	b = binary.BigEndian.AppendUint16(b, uint16(len(rdata)))
	rr, _, err := dns.UnpackRR(append(b, rdata...), 0)
	if err != nil {
		return fmt.Errorf("unpack record of %s: %w", owner, err)
	}
	rr.Header().Name = owner
	return s.to.record(rr)
}

// raw appends a record whose RDATA is packed already.
func (w *writer) raw(owner string, rtype uint16, rdata string) error {
	if err := w.room(len(owner) + 2 + 10 + len(rdata)); err != nil {
		return err
	}
	off, err := dns.PackDomainName(owner, w.buf[:cap(w.buf)], len(w.buf), w.names, true)
	if err != nil {
		return fmt.Errorf("pack owner %s: %w", owner, err)
	}
	buf := binary.BigEndian.AppendUint16(w.buf[:off], rtype)
	buf = binary.BigEndian.AppendUint16(buf, dns.ClassINET)
	buf = binary.BigEndian.AppendUint32(buf, w.ttl)
	buf = binary.BigEndian.AppendUint16(buf, uint16(len(rdata)))
	w.buf, w.n = append(buf, rdata...), w.n+1
	return nil
}
