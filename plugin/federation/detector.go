package federation

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/asterfed/asterfed/zone"
)

var errNoSIP = errors.New("node names no SIP transport to ask")

// detector finds out what the silence of a peer means. A connection that
// ends proves nothing; a node is gone only when the connection is lost, a new
// one cannot be made, and its Asterisk does not answer SIP OPTIONS. A node
// whose Asterisk answers keeps its users, ranked last.
type detector struct {
	home *zone.Home
	ping func(context.Context) error
	log  *slog.Logger
	ctx  context.Context
	run  func(func())
	// patience is how long the peer's Asterisk may take to answer.
	patience time.Duration

	mu      sync.Mutex
	losses  int           // since the peer was last heard
	since   time.Time     // when it fell silent
	checked bool          // OPTIONS has an answer since
	alive   bool          // that answer
	heard   chan struct{} // closed when the peer is heard; nil while it is

	setting sync.Mutex // one at a time
	left    bool
}

// Heard is called for every message of the peer.
func (d *detector) Heard() {
	d.mu.Lock()
	quiet := d.heard != nil
	if quiet {
		close(d.heard)
		d.heard, d.losses, d.checked = nil, 0, false
	}
	d.mu.Unlock()
	if quiet || d.home.Reach() != zone.Alive {
		d.set(zone.Alive, "it answers again")
	}
}

// Lost is called whenever the connection ends or cannot be made.
func (d *detector) Lost(err error) {
	d.mu.Lock()
	d.losses++
	first := d.heard == nil
	if first {
		d.heard, d.since = make(chan struct{}), time.Now()
		heard := d.heard
		d.run(func() { d.check(heard) })
	}
	d.mu.Unlock()
	d.log.Debug("connection lost", "err", err)
	d.decide()
}

// tardy is how much later than its time a question may end before it says more
// about this node, which was stopped or had no CPU, than about the other. No more
// than maxTardy questions in a row are void: a node that is always late must
// come to a verdict too.
const (
	tardy    = 200 * time.Millisecond
	maxTardy = 3
)

// check asks the peer's Asterisk until the peer is heard again: soon again at
// first, lest the first question has met an Asterisk that dies a moment after
// its federator, then about twice a second, every few seconds for a node that
// stays away.
func (d *detector) check(heard <-chan struct{}) {
	ctx, cancel := context.WithCancel(d.ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, cancel)
	defer stop()
	void := 0
	for wait := d.patience / 6; ; wait = later(wait, d.patience) {
		once, done := context.WithTimeout(ctx, d.patience)
		began := time.Now()
		err := d.ping(once)
		done()
		if err != nil && time.Since(began) > d.patience+tardy && void < maxTardy && ctx.Err() == nil {
			void++
			continue
		}
		void = 0
		d.mu.Lock()
		stale := d.heard != heard
		if !stale {
			d.checked, d.alive = true, err == nil
		}
		d.mu.Unlock()
		if stale {
			return
		}
		d.decide()
		select {
		case <-d.ctx.Done():
			return
		case <-heard:
			return
		case <-time.After(wait):
		}
	}
}

// later returns how long to wait after the next question.
func later(wait, patience time.Duration) time.Duration {
	if wait < patience {
		return 2 * wait
	}
	return min(wait+wait/20, 5*time.Second)
}

// decide acts once the connection was lost, a second try has failed, and
// OPTIONS has been tried.
func (d *detector) decide() {
	d.mu.Lock()
	ok := d.heard != nil && d.losses > 1 && d.checked
	alive, silent := d.alive, time.Since(d.since)
	d.mu.Unlock()
	switch {
	case !ok:
	case alive && silent > zone.Expire: // RFC 1035 §3.3.13: what is this old is no answer
		d.set(zone.Gone, "nothing was heard of it for a week")
	case alive:
		d.set(zone.Orphan, "its federator is silent, its Asterisk answers")
	default:
		d.set(zone.Gone, "neither its federator nor its Asterisk answers")
	}
}

// leave ends the verdicts: the peer has left, whatever is still on its way.
func (d *detector) leave() {
	d.setting.Lock()
	defer d.setting.Unlock()
	d.left = true
	d.home.SetReach(zone.Gone)
}

func (d *detector) set(r zone.Reach, why string) {
	d.setting.Lock()
	defer d.setting.Unlock()
	if d.left {
		return
	}
	if was := d.home.Reach(); d.home.SetReach(r) {
		d.log.Info("node is "+r.String(), "was", was.String(), "why", why)
	}
}
