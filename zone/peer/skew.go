package peer

import (
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/asterfed/asterfed/zone/tsig"
)

// errClock means that the other side's clock differs by more than a TSIG tolerates.
// Its answer says by how much: the next connection is signed by its time.
var errClock = errors.New("clocks differ")

// skewed is this node's clock, adjusted to that of another node. Safe for concurrent
// use.
type skewed struct {
	now   func() time.Time
	ahead atomic.Int64 // of the other's clock, nanoseconds; zero within tsig.Fudge
}

func (c *skewed) time() time.Time {
	if c == nil {
		return time.Now()
	}
	return c.now().Add(time.Duration(c.ahead.Load()))
}

// learn takes note of a time that the other side has signed.
func (c *skewed) learn(theirs time.Time) error {
	d := theirs.Sub(c.now()).Round(time.Second)
	if max(d, -d) < tsig.Fudge*time.Second/2 { // set right again
		d = 0
	}
	c.ahead.Store(int64(d))
	return fmt.Errorf("%w: the other is at %s, %v from here", errClock, theirs.UTC().Format(time.RFC3339), d)
}

// report logs that the other side's clock is wrong, or right again.
func (c *skewed) report(log *slog.Logger, err error) {
	if c.ahead.Load() == 0 {
		log.Info("the clocks of the two nodes agree again")
		return
	}
	log.Error("the clocks of the two nodes differ too much; set them", "err", err)
}
