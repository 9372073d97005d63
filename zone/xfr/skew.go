package xfr

import (
	"encoding/hex"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// ErrClock means that the other side's clock differs by more than a TSIG
// tolerates. By how much has been learnt from its answer: the next connection
// is signed by its time.
var ErrClock = errors.New("clocks differ")

// skewed is this node's clock as set as another node's. Safe for concurrent use.
type skewed struct {
	now   func() time.Time
	ahead atomic.Int64 // of the other's clock, nanoseconds; zero within the fudge
}

func (c *skewed) time() time.Time {
	if c == nil {
		return time.Now()
	}
	return c.now().Add(time.Duration(c.ahead.Load()))
}

// learn takes note of a time that the other side has told, signed.
func (c *skewed) learn(theirs time.Time) error {
	d := theirs.Sub(c.now()).Round(time.Second)
	if max(d, -d) < fudge*time.Second/2 { // set right again
		d = 0
	}
	c.ahead.Store(int64(d))
	return fmt.Errorf("%w: the other is at %s, %v from here", ErrClock, theirs.UTC().Format(time.RFC3339), d)
}

// tellClock says that the other side's clock is off, or right again.
func (p *Peer) tellClock(err error) {
	if p.clock.ahead.Load() == 0 {
		p.log.Info("the clocks of the two nodes agree again")
		return
	}
	p.log.Error("the clocks of the two nodes differ too much; set them", "err", err)
}

// badTime is the error of a request whose time was not taken, or of an answer of
// another time: the server's own stands in the TSIG, whose MAC holds and is made
// with that of the request (RFC 8945 §5.2.3).
type badTime struct{ theirs time.Time }

func (b badTime) Error() string { return dns.ErrTime.Error() }

func (b badTime) Is(target error) bool { return target == dns.ErrTime }

// serverTime returns the time in the TSIG of a BADTIME answer.
func serverTime(t *dns.TSIG) (badTime, bool) {
	b, err := hex.DecodeString(t.OtherData)
	if err != nil || len(b) != 6 {
		return badTime{}, false
	}
	var n int64
	for _, octet := range b {
		n = n<<8 | int64(octet)
	}
	return badTime{time.Unix(n, 0)}, true
}
