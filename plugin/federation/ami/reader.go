package ami

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Limits on what an AMI server may send before the connection is given up.
const (
	maxLine    = 64 << 10 // octets of one header line
	MaxHeaders = 1000     // headers of one message
	MaxKept    = 64 << 10 // octets kept of one message
)

// tlsRecord begins an alert of TLS (RFC 8446 section 5.1), the answer to what is
// no TLS.
var tlsRecord = []byte{0x15, 0x03}

var errNoGreeting = fmt.Errorf("no greeting within %v; want the port of AMI without TLS (port in manager.conf, not tlsbindaddr)", greetingTimeout)

var errTLS = errors.New("the port speaks TLS; want the port of AMI without TLS (port in manager.conf, not tlsbindaddr)")

// ErrLimit is in the error of a message that is too long.
var ErrLimit = errors.New("message exceeds the limits")

// Reader splits an AMI byte stream into messages. Its memory is bounded whatever
// the other side sends.
type Reader struct {
	from io.Reader
	buf  []byte // room for the longest line
	rest []byte // of buf: read and not taken yet
}

// NewReader returns a Reader.
func NewReader(r io.Reader) *Reader { return &Reader{from: r, buf: make([]byte, maxLine)} }

// Line returns the next line without its line end; it is valid until the next
// call.
func (r *Reader) Line() ([]byte, error) {
	i := bytes.IndexByte(r.rest, '\n')
	if i < 0 {
		n := len(r.rest)
		if err := r.fill(); err != nil {
			return nil, err
		}
		i = n + bytes.IndexByte(r.rest[n:], '\n')
	}
	b := r.rest[:i]
	r.rest = r.rest[i+1:]
	if i > 0 && b[i-1] == '\r' {
		b = b[:i-1]
	}
	return b, nil
}

// fill reads on until there is a line end in rest, which has none.
func (r *Reader) fill() error {
	r.rest = r.buf[:copy(r.buf, r.rest)]
	for {
		n := len(r.rest)
		if n == len(r.buf) {
			return fmt.Errorf("read line of more than %d octets: %w", maxLine, ErrLimit)
		}
		more, err := r.from.Read(r.buf[n:])
		r.rest = r.buf[:n+more]
		if bytes.IndexByte(r.rest[n:], '\n') >= 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Banner reads the greeting, "Asterisk Call Manager/11.0.0".
func (r *Reader) Banner() error {
	b, err := r.Line()
	switch {
	case bytes.HasPrefix(r.rest, tlsRecord), bytes.HasPrefix(b, tlsRecord):
		return errTLS
	case errors.Is(err, io.EOF):
		return fmt.Errorf("the connection ends before a greeting; want the port of AMI without TLS (port in manager.conf, not tlsbindaddr): %w", err)
	case err != nil:
		return fmt.Errorf("read greeting: %w", err)
	case !bytes.HasPrefix(b, []byte("Asterisk Call Manager")):
		return fmt.Errorf("read greeting: %.60q is no Asterisk Call Manager", b)
	}
	return nil
}

// Read reads one message into m. Lines that are no header are skipped.
func (r *Reader) Read(m *Message) error {
	m.reset()
	for n := 0; ; n++ {
		b, err := r.Line()
		if err != nil {
			return err
		}
		if len(b) == 0 {
			if n == 0 { // blank lines between messages
				n--
				continue
			}
			return nil
		}
		if n == MaxHeaders {
			return fmt.Errorf("read message of more than %d headers: %w", MaxHeaders, ErrLimit)
		}
		name, value, ok := Cut(b)
		if !ok {
			continue
		}
		k, ok := keyOf(name)
		if !ok {
			continue
		}
		if len(m.buf)+len(value) > MaxKept {
			return fmt.Errorf("read message of more than %d octets: %w", MaxKept, ErrLimit)
		}
		m.set(k, value)
	}
}

// Cut splits "Name: value"; the blank may be missing.
func Cut(b []byte) (name, value []byte, ok bool) {
	i := bytes.IndexByte(b, ':')
	if i <= 0 {
		return nil, nil, false
	}
	value = b[i+1:]
	for len(value) > 0 && value[0] == ' ' {
		value = value[1:]
	}
	return b[:i], value, true
}
