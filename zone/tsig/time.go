package tsig

import (
	"encoding/hex"
	"time"

	"github.com/miekg/dns"
)

// TimeError is the error of a request whose time the server did not accept, or of
// an answer of another time. Theirs is the server's own time: it stands in a TSIG
// whose MAC is good and includes that of the request (RFC 8945 §5.2.3), so that it
// is no replay.
type TimeError struct{ Theirs time.Time }

func (e TimeError) Error() string { return dns.ErrTime.Error() }

// Is makes a TimeError a dns.ErrTime.
func (e TimeError) Is(target error) bool { return target == dns.ErrTime }

// serverTime returns the time in the TSIG of a BADTIME answer.
func serverTime(t *dns.TSIG) (TimeError, bool) {
	b, err := hex.DecodeString(t.OtherData)
	if err != nil || len(b) != 6 {
		return TimeError{}, false
	}
	var n int64
	for _, octet := range b {
		n = n<<8 | int64(octet)
	}
	return TimeError{time.Unix(n, 0)}, true
}
