package peer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
)

var errSilent = errors.New("no answer on an open connection")

// overslept is how late the alarm of a silence may come. If it comes later, this
// node was stopped or had no CPU, which proves nothing about the peer.
const overslept = 200 * time.Millisecond

// selfEvery bounds the heartbeats in a row that a node leaves out because the peer
// sends them. It has to know that its own connection is alive, and the distance.
const selfEvery = 10

// theirsQuarters: a heartbeat received within the last theirsQuarters/4 intervals
// replaces our own. With five, our first query follows it within two and a quarter
// intervals, and a silence is two and a half.
const theirsQuarters = 5

// pulse is the evidence that a connection is alive. Times are nanoseconds of
// Peer.now.
type pulse struct {
	asked   atomic.Int64 // when the heartbeat under way began, 0 if there is none
	last    atomic.Int64 // when the last one began
	theirs  atomic.Int64 // when the peer's own heartbeat last came in
	sampled atomic.Int64 // when the distance was last measured
	beat    *call        // the last one, for heartbeats alone
	odd     atomic.Bool  // the last measure was a surprise: the next heartbeat measures again
}

// heartbeats asks for the SOA again and again, and returns when the peer was silent
// for too long. Any message counts, since a transfer under way may delay the answer.
// Of two nodes that follow each other one asks, with its own SOA in the query
// (HandleHeartbeat); the other asks only while it is not asked.
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
	probed := time.Duration(-1) // since when an answer is urgent, -1 if it is not
	for {
		select {
		case <-ctx.Done():
			return fail(context.Cause(ctx))
		case <-s.done:
			return s.err()
		case <-next.C:
			next.Reset(p.untilTick())
			if p.otherAsks(s) {
				continue
			}
			if err := p.beat(s, time.Until(due)); err != nil {
				return fail(err)
			}
		case <-p.check:
			if err := p.beat(s, time.Until(due)); err != nil {
				return fail(err)
			}
		case <-p.probe:
			probed = p.now() // before the question, whose answer may be quick
			if err := p.beat(s, time.Until(due)); err != nil {
				return fail(err)
			}
			set(min(p.timing().Dial, time.Until(due)))
		case <-alarm.C:
			heard := p.lifeSign()
			quiet, limit := p.now()-heard, p.timing().Silence
			if probed > heard {
				limit = min(limit, p.timing().Dial+probed-heard)
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

// otherAsks reports whether the peer's heartbeats serve both sides: one came in
// lately, and no request on this connection waits for an answer.
func (p *Peer) otherAsks(s *session) bool {
	beat, now := p.timing().Heartbeat, p.now()
	return p.cfg.Own != nil && !p.cfg.Own.leads(p.cfg.Node) && p.pulse.theirs.Load() > 0 &&
		now-time.Duration(p.pulse.theirs.Load()) < beat*theirsQuarters/4 && now-time.Duration(p.pulse.last.Load()) < selfEvery*beat && !p.pulse.odd.Load() && s.idle()
}

// oddBy is by how much a round trip may differ from those before it and still count
// at once, where they are measured seldom.
const oddBy = 2500 * time.Microsecond

// measured adds a round trip to the distance. One that stands for many heartbeats
// counts as many, but only if it is no surprise or the next one confirms it.
func (p *Peer) measured(rtt time.Duration) {
	now := p.now()
	beats := float64(now-time.Duration(p.pulse.sampled.Load())) / float64(p.timing().Heartbeat)
	if by := rtt - time.Duration(p.rtt.smoothed.Load()); beats > 2 && max(by, -by) > oddBy && p.pulse.odd.CompareAndSwap(false, true) {
		return
	}
	p.pulse.odd.Store(false)
	p.pulse.sampled.Store(int64(now))
	p.rtt.add(p.cfg.Home, rtt, max(1, beats))
}

// lifeSign returns when the peer was last heard, by Peer.now. Its own heartbeats
// count as long as no request on this connection waits for an answer.
func (p *Peer) lifeSign() time.Duration {
	theirs := p.pulse.theirs.Load()
	if asked := p.pulse.asked.Load(); asked > 0 {
		theirs = min(theirs, asked)
	}
	return time.Duration(max(p.heard.Load(), theirs))
}

// beat sends a heartbeat, unless one is under way that is not late. The time until
// its answer is the distance. It does not wait behind another request, whose answer
// proves as much.
func (p *Peer) beat(s *session, limit time.Duration) error {
	start := p.now()
	if asked := p.pulse.asked.Load(); asked > 0 && start-time.Duration(asked) < p.timing().Silence {
		return nil
	}
	wire, err := p.heartbeatQuery()
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
		p.reported(v)
	}}
	return s.write(p.pulse.beat, wire, min(max(limit, overslept), writeLimit))
}

// roundTrip is the smoothed round-trip time to a peer.
type roundTrip struct{ smoothed atomic.Int64 } // nanoseconds

// add smooths the round-trip time (RFC 6298 §2). One that stands for several counts
// as that many equal ones.
func (s *roundTrip) add(h *view.Home, d time.Duration, times float64) {
	if old := s.smoothed.Load(); old > 0 {
		d += time.Duration(math.Pow(7.0/8, times) * float64(time.Duration(old)-d))
	}
	s.smoothed.Store(int64(d))
	h.SetDistance(d)
}
