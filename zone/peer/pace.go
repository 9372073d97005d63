package peer

import "time"

// pace spaces out what may happen too often: a burst happens at once, a stream
// of them one every spacing. Not safe for concurrent use.
type pace struct {
	spacing time.Duration
	burst   int
	due     time.Time
}

// notifyPace is that of NOTIFYs under load, each for all changes since the one
// before. The secondary's work is then bounded by the bindings that change, not
// by how many versions they come in.
func notifyPace() pace { return pace{spacing: 20 * time.Millisecond, burst: 10} }

// fullPace is that of full transfers from one peer. A few in a row are normal
// when a node comes back without its data; a peer whose epoch changes all the
// time, such as two nodes of one name, costs no more than one a second.
func fullPace() pace { return pace{spacing: time.Second, burst: 4} }

// next counts one that is wanted now, and returns how long it has to wait.
func (p *pace) next(now time.Time) time.Duration {
	if p.due.Before(now) {
		p.due = now
	}
	p.due = p.due.Add(p.spacing)
	return max(0, p.due.Sub(now)-time.Duration(p.burst)*p.spacing)
}

// fullShare is what share of the time full transfers from one peer may take when
// they follow one another.
const fullShare = 10

// took makes the next ones wait longer if one took long.
func (p *pace) took(d time.Duration) { p.spacing = max(time.Second, fullShare*d) }
