package xfr

import "time"

// pace spaces NOTIFYs out under load: a few go out at once, a stream of them
// one every notifySpacing, each for all changes since the one before. The
// secondary's work is then bounded by the bindings that change, not by how
// many versions they come in.
type pace struct{ due time.Time }

const (
	notifySpacing = 20 * time.Millisecond
	notifyBurst   = 10
)

// next takes note of a NOTIFY that is wanted now, and returns how long it has
// to wait.
func (p *pace) next(now time.Time) time.Duration {
	if p.due.Before(now) {
		p.due = now
	}
	p.due = p.due.Add(notifySpacing)
	return max(0, p.due.Sub(now)-notifyBurst*notifySpacing)
}
