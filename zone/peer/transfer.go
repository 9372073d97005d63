package peer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/stream"
	"github.com/asterfed/asterfed/zone/tsig"
)

// Stats is a snapshot of a peer's counters.
type Stats struct {
	Full, Incremental int64 // transfers that changed the replica
	Failed            int64 // transfers that were refused or broken off
	Refused           int64 // records that must not be published, or are unreadable
	Unreadable        int64 // records among them whose data is no record
	Ahead             int64 // stamps beyond location.MaxSkew
	RTT               time.Duration
	Skew              time.Duration // of its clock, zero within what a TSIG tolerates
	Heard             time.Time     // when New was called, if never
	// Level is when what is held was last known to be what the other side has;
	// when New was called, if never.
	Level time.Time
	// Comparisons of the replica with the primary at the same version. Overtaken
	// counts those that were given up because the primary had changed.
	Alike, Unlike, Overtaken int64
	Differs                  bool // since the last comparison
}

// Stats returns the counters so far.
func (p *Peer) Stats() Stats {
	return Stats{
		Full: p.stats.full.Load(), Incremental: p.stats.incremental.Load(),
		Failed: p.stats.failed.Load(), Refused: p.stats.refused.Load(), Unreadable: p.stats.unreadable.Load(), Ahead: p.stats.ahead.Load(),
		Skew:  time.Duration(p.clock.ahead.Load()),
		Alike: p.stats.alike.Load(), Unlike: p.stats.unlike.Load(), Overtaken: p.stats.overtaken.Load(), Differs: p.differs.Load(),
		RTT: time.Duration(p.rtt.smoothed.Load()), Heard: p.born.Add(time.Duration(p.heard.Load())),
		Level: p.born.Add(time.Duration(p.level.Load())),
	}
}

// pulls transfers the zone whenever a NOTIFY or a heartbeat reports another version.
func (p *Peer) pulls(ctx context.Context, s *session) error {
	for {
		if err := await(ctx, s, p.wake); err != nil {
			return err
		}
		t, err := p.pull(ctx, s)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err == nil {
			p.broken = failure{}
			p.taking.Lock()
			p.take(t)
			p.taking.Unlock()
			continue
		}
		p.failed(err, s.err() != nil)
		if s.err() != nil {
			return err
		}
	}
}

// pull asks for deltas on the open connection if the replica is of the same epoch;
// otherwise it asks for the full zone, on a connection of its own.
func (p *Peer) pull(ctx context.Context, s *session) (*stream.Transfer, error) {
	if !p.deltas() {
		if d := p.whole.next(time.Now()); d > 0 {
			if err := await(ctx, s, time.After(d)); err != nil {
				return nil, err
			}
		}
	}
	if held := p.cfg.Home.Version(); p.deltas() { // asked again: the wait may have brought it back
		return s.pull(ctx, p.apex, p.cfg.Origin, &held)
	}
	began := time.Now()
	defer func() { p.whole.took(time.Since(began)) }()
	return p.fetch(ctx, p.apex)
}

// fetch transfers a whole zone from the peer over a connection of its own.
func (p *Peer) fetch(ctx context.Context, apex string) (*stream.Transfer, error) {
	conn, err := p.dial(ctx, p.cfg.Timing.Dial)
	if err != nil {
		return nil, err
	}
	s := newSession(conn, p.cfg.Key, p.hear, p.clock)
	defer s.close(errors.New("closed"))
	return s.pull(ctx, apex, p.cfg.Origin, nil)
}

// OwnReplica returns the peer's replica of this node's own home zone, for a node that
// has lost its data.
func (p *Peer) OwnReplica(ctx context.Context, node string) (record.Version, []location.Binding, error) {
	t, err := p.fetch(ctx, record.HomeZone(node, p.cfg.Origin))
	if err != nil {
		return record.Version{}, nil, fmt.Errorf("fetch own zone from %s: %w", p.cfg.Node, err)
	}
	return t.Version, t.Bindings, nil
}

// Fetch transfers the whole zone apex from the name server at addr, once.
func Fetch(ctx context.Context, addr, apex, origin string, key *tsig.Key) (*stream.Transfer, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", addr, err)
	}
	s := newSession(conn, key, func() {}, nil)
	defer s.close(errors.New("closed"))
	return s.pull(ctx, apex, origin, nil)
}
