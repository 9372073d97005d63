package ami

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Limits on what an AMI server may send before the connection is given up.
const (
	maxLine    = 64 << 10 // octets of one header line
	maxHeaders = 1000     // headers of one message
	maxKept    = 64 << 10 // octets kept of one message
)

var errLimit = errors.New("message exceeds the limits")

// reader splits an AMI byte stream into messages. Its memory is bounded
// whatever the other side sends.
type reader struct {
	br *bufio.Reader
}

func newReader(r io.Reader) *reader {
	return &reader{br: bufio.NewReaderSize(r, maxLine)}
}

// line returns the next line without its line end; it is valid until the next
// call.
func (r *reader) line() ([]byte, error) {
	b, err := r.br.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return nil, fmt.Errorf("read line of more than %d octets: %w", maxLine, errLimit)
	}
	if err != nil {
		return nil, err
	}
	b = b[:len(b)-1]
	if n := len(b); n > 0 && b[n-1] == '\r' {
		b = b[:n-1]
	}
	return b, nil
}

// banner reads the greeting, "Asterisk Call Manager/11.0.0".
func (r *reader) banner() error {
	b, err := r.line()
	if err != nil {
		return fmt.Errorf("read banner: %w", err)
	}
	if !bytes.HasPrefix(b, []byte("Asterisk Call Manager")) {
		return fmt.Errorf("read banner: %.60q is no Asterisk Call Manager", b)
	}
	return nil
}

// read reads one message into m. Lines that are no header are skipped.
func (r *reader) read(m *message) error {
	m.reset()
	for n := 0; ; n++ {
		b, err := r.line()
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
		if n == maxHeaders {
			return fmt.Errorf("read message of more than %d headers: %w", maxHeaders, errLimit)
		}
		name, value, ok := cut(b)
		if !ok {
			continue
		}
		k, ok := keys[string(name)]
		if !ok {
			continue
		}
		if len(m.buf)+len(value) > maxKept {
			return fmt.Errorf("read message of more than %d octets: %w", maxKept, errLimit)
		}
		m.set(k, value)
	}
}

// cut splits "Name: value"; the blank may be missing.
func cut(b []byte) (name, value []byte, ok bool) {
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
