package node

import (
	"context"
	"log/slog"
	"time"

	"github.com/asterfed/asterfed/zone/primary"
)

// longestNap bounds how long a clock that was set goes unnoticed.
const longestNap = time.Minute

// expiry withdraws bindings of this node when their time has come.
type expiry struct {
	primary *primary.Primary
	log     *slog.Logger
	sooner  chan struct{} // something may end sooner than was known
}

func newExpiry(p *primary.Primary, log *slog.Logger) *expiry {
	return &expiry{primary: p, log: log, sooner: make(chan struct{}, 1)}
}

// run withdraws until ctx ends. It sleeps until the next binding ends, or something
// is published.
func (e *expiry) run(ctx context.Context) {
	for {
		nap := longestNap
		if next := e.expire(time.Now()); !next.IsZero() {
			nap = min(nap, time.Until(next))
		}
		timer := time.NewTimer(nap)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-e.sooner:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// expire withdraws what has ended at t, and returns when the next binding ends.
func (e *expiry) expire(t time.Time) time.Time {
	withdrawn, next := e.primary.Expire(t)
	for _, c := range withdrawn {
		e.log.Info("expired", "kind", c.Old.Kind, "name", c.Old.AOR)
	}
	return next
}

// wake makes run look again: something may end sooner than it knew.
func (e *expiry) wake() {
	select {
	case e.sooner <- struct{}{}:
	default:
	}
}
