package federation

import "time"

// longestNap bounds how long a clock that was set goes unnoticed.
const longestNap = time.Minute

// expireAll withdraws bindings of this node when their time has come. It
// sleeps until the next one ends, or something is published.
func (r *Runtime) expireAll() {
	for {
		nap := longestNap
		if next := r.expire(time.Now()); !next.IsZero() {
			nap = min(nap, time.Until(next))
		}
		timer := time.NewTimer(nap)
		select {
		case <-r.ctx.Done():
			timer.Stop()
			return
		case <-r.ending:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// expire withdraws what has ended at t, and returns when the next binding ends.
func (r *Runtime) expire(t time.Time) time.Time {
	withdrawn, next := r.primary.Expire(t)
	for _, c := range withdrawn {
		r.log.Info("expired", "kind", c.Old.Kind, "name", c.Old.AOR)
	}
	return next
}

// wakeExpiry tells expireAll that something may end sooner than it knew.
func (r *Runtime) wakeExpiry() {
	select {
	case r.ending <- struct{}{}:
	default:
	}
}
