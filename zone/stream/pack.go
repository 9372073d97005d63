package stream

import (
	"errors"

	"github.com/miekg/dns"
)

// The limits of RFC 1035 §3.3 and §2.3.4, in octets.
const (
	maxString = 255 // of a character-string
	maxName   = 253 // of a name as text, without its last dot
)

// packError is the error of a record that no message can have. It concerns that
// record alone; any other error ends the transfer.
type packError struct{ err error }

func (e packError) Error() string { return "pack record: " + e.err.Error() }
func (e packError) Unwrap() error { return e.err }

func unpackable(err error) bool {
	_, is := err.(packError)
	return is
}

var errLong = errors.New("it does not fit into a message")

// packable returns the packError of a record that is packed elsewhere, nil if
// there is none.
func packable(rr dns.RR) error {
	room := buffers.Get().(*[dns.MaxMsgSize]byte)
	defer buffers.Put(room)
	n, err := dns.PackRR(rr, room[:], 0, nil, false)
	switch {
	case err != nil:
		return packError{err}
	case n > maxOctets:
		return packError{errLong}
	}
	return nil
}
