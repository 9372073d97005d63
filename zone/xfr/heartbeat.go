package xfr

import (
	"context"
	"errors"
	"fmt"
	"time"
)

var errSilent = errors.New("no answer on an open connection")

// overslept is how late the alarm of a silence may come before it says more
// about this node, which was stopped or had no CPU, than about the other.
const overslept = 200 * time.Millisecond

// heartbeats asks for the SOA again and again, and ends when nothing was heard
// for too long. Any message counts as life: a transfer under way may delay the
// answer.
func (p *Peer) heartbeats(ctx context.Context, s *session) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answered, waiting := make(chan error, 1), false
	beat := func() {
		if !waiting {
			waiting = true
			go func() { answered <- p.beat(ctx, s, p.timing().Silence) }()
		}
	}
	defer func() {
		if waiting {
			cancel()
			<-answered
		}
	}()
	fail := func(err error) error {
		s.close(err) // ends the write of a beat
		return err
	}
	next := time.NewTimer(p.timing().Heartbeat)
	defer next.Stop()
	due := time.Now().Add(p.timing().Silence)
	alarm := time.NewTimer(p.timing().Silence)
	defer alarm.Stop()
	set := func(d time.Duration) {
		due = time.Now().Add(d)
		alarm.Reset(d)
	}
	doubted := time.Duration(-1) // since when an answer is awaited in haste
	for {
		select {
		case <-ctx.Done():
			return fail(context.Cause(ctx))
		case <-s.done:
			return s.err()
		case err := <-answered:
			waiting = false
			if err != nil && !errors.Is(err, errTimeout) {
				return fail(err)
			}
		case <-next.C:
			next.Reset(p.timing().Heartbeat)
			beat()
		case <-p.doubt:
			beat()
			doubted = p.now()
			set(min(p.timing().Dial, time.Until(due)))
		case <-alarm.C:
			heard := time.Duration(p.heard.Load())
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

// beat is one heartbeat. The time it takes is the distance.
func (p *Peer) beat(ctx context.Context, s *session, patience time.Duration) error {
	start := time.Now()
	v, err := s.soa(ctx, p.apex, patience)
	if err != nil {
		return err
	}
	p.stats.rtt(p.cfg.Home, time.Since(start))
	if v == p.cfg.Home.Version() {
		p.level.Store(true)
	}
	p.Notified(v)
	return nil
}
