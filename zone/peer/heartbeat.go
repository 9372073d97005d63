package peer

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/asterfed/asterfed/zone/record"
)

var errSilent = errors.New("no answer on an open connection")

// overslept is how late the alarm of a silence may come before it says more
// about this node, which was stopped or had no CPU, than about the other.
const overslept = 200 * time.Millisecond

// selfEvery is how many heartbeats a node that is asked leaves out at most, so
// that it knows its own connection to be alive, and the distance.
const selfEvery = 10

// greetedLate is for how many quarters of a heartbeat the other side's last one
// does for this side too. With five the first question of this side comes two and a
// quarter heartbeats after it at the latest, and a silence is two and a half.
const greetedLate = 5

// pulse is what is known of a connection's life. Times are nanoseconds of
// Peer.now.
type pulse struct {
	asked   atomic.Int64 // when the heartbeat under way began, 0 if there is none
	last    atomic.Int64 // when the last one began
	greeted atomic.Int64 // when the other side last asked for this node's SOA, and told its own
	sampled atomic.Int64 // when the distance was last measured
	beat    *call        // the last one, for heartbeats alone
	odd     atomic.Bool  // the last measure was not taken: it is measured again with the next heartbeat
}

// heartbeats asks for the SOA again and again, and ends when nothing was heard
// for too long. Any message counts as life: a transfer under way may delay the
// answer. Of two nodes that follow each other one asks, and tells its own SOA
// with the question (Greeted); the other asks where it is not asked.
func (p *Peer) heartbeats(ctx context.Context, s *session) error {
	fail := func(err error) error {
		s.close(err)
		return err
	}
	next := time.NewTimer(p.untilTick())
	defer next.Stop()
	due := time.Now().Add(p.timing().Silence)
	alarm := time.NewTimer(p.timing().Silence)
	defer alarm.Stop()
	set := func(d time.Duration) {
		due = time.Now().Add(d)
		alarm.Reset(d)
	}
	p.pulse.asked.Store(0)
	p.pulse.last.Store(int64(p.now()))
	p.pulse.beat = nil
	doubted := time.Duration(-1) // since when an answer is awaited in haste
	for {
		select {
		case <-ctx.Done():
			return fail(context.Cause(ctx))
		case <-s.done:
			return s.err()
		case <-next.C:
			next.Reset(p.untilTick())
			if p.isAsked(s) {
				continue
			}
			if err := p.beat(s, time.Until(due)); err != nil {
				return fail(err)
			}
		case <-p.check:
			if err := p.beat(s, time.Until(due)); err != nil {
				return fail(err)
			}
		case <-p.doubt:
			doubted = p.now() // before the question, whose answer may be quick
			if err := p.beat(s, time.Until(due)); err != nil {
				return fail(err)
			}
			set(min(p.timing().Dial, time.Until(due)))
		case <-alarm.C:
			heard := p.lifeSign()
			quiet, limit := p.now()-heard, p.timing().Silence
			if doubted > heard {
				limit = min(limit, p.timing().Dial+doubted-heard)
			}
			switch {
			case quiet < limit:
				set(limit - quiet)
			case time.Since(due) > overslept:
				set(p.timing().Silence / 2)
			default:
				return fail(fmt.Errorf("%w for %s", errSilent, quiet.Round(time.Millisecond)))
			}
		}
	}
}

// untilTick returns the time until the next heartbeat.
func (p *Peer) untilTick() time.Duration {
	if p.cfg.Own == nil {
		return p.timing().Heartbeat
	}
	return p.cfg.Own.untilTick(p.timing().Heartbeat)
}

// isAsked reports whether the other side's heartbeats do for both: they have
// come in of late, and nothing on this connection waits for an answer.
func (p *Peer) isAsked(s *session) bool {
	beat, now := p.timing().Heartbeat, p.now()
	return p.cfg.Own != nil && !p.cfg.Own.leads(p.cfg.Node) && p.pulse.greeted.Load() > 0 &&
		now-time.Duration(p.pulse.greeted.Load()) < beat*greetedLate/4 && now-time.Duration(p.pulse.last.Load()) < selfEvery*beat && !p.pulse.odd.Load() && s.idle()
}

// oddBy is how much a round trip may differ from those before it to be taken at
// once where they are measured seldom.
const oddBy = 2500 * time.Microsecond

// measured takes note of a round trip. One that stands for many heartbeats counts
// as many, but only if it is no surprise, or the next one confirms it.
func (p *Peer) measured(rtt time.Duration) {
	now := p.now()
	beats := float64(now-time.Duration(p.pulse.sampled.Load())) / float64(p.timing().Heartbeat)
	if by := rtt - time.Duration(p.stats.smoothed.Load()); beats > 2 && max(by, -by) > oddBy && p.pulse.odd.CompareAndSwap(false, true) {
		return
	}
	p.pulse.odd.Store(false)
	p.pulse.sampled.Store(int64(now))
	p.stats.rtt(p.cfg.Home, rtt, max(1, beats))
}

// lifeSign returns when the other side was last heard, by Peer.now. Its own
// heartbeats count as long as this connection owes no answer.
func (p *Peer) lifeSign() time.Duration {
	greeted := p.pulse.greeted.Load()
	if asked := p.pulse.asked.Load(); asked > 0 {
		greeted = min(greeted, asked)
	}
	return time.Duration(max(p.heard.Load(), greeted))
}

// beat sends a heartbeat if none is under way, or if that has been for too long
// though other messages come in. The time it takes is the distance. It never
// waits behind another request: that one's answer is as good.
func (p *Peer) beat(s *session, limit time.Duration) error {
	start := p.now()
	if asked := p.pulse.asked.Load(); asked > 0 && start-time.Duration(asked) < p.timing().Silence {
		return nil
	}
	wire, err := p.greeting()
	if err != nil {
		return err
	}
	if !s.writing.TryLock() {
		return nil
	}
	defer s.writing.Unlock()
	if p.pulse.beat != nil {
		s.forget(p.pulse.beat) // answered or given up
	}
	p.pulse.asked.Store(int64(start))
	p.pulse.last.Store(int64(start))
	p.pulse.beat = &call{gone: make(chan struct{}), then: func(wire []byte) {
		p.pulse.asked.CompareAndSwap(int64(start), 0)
		err := verdict(wire)
		var v record.Version
		if err == nil {
			v, err = soaIn(wire)
		}
		if err != nil {
			s.close(err)
			return
		}
		p.measured(p.now() - start)
		p.said(v)
	}}
	return s.write(p.pulse.beat, wire, min(max(limit, overslept), writeLimit))
}
