package peer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"sync/atomic"
	"time"

	"github.com/asterfed/asterfed/zone"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/stream"
	"github.com/asterfed/asterfed/zone/tsig"
)

// stats are the counters of one peer.
type stats struct {
	full, incremental, refused, ahead atomic.Int64
	failed                            atomic.Int64
	smoothed                          atomic.Int64 // round-trip time, nanoseconds
	alike, unlike, overtaken          atomic.Int64 // comparisons
}

// Stats is a snapshot of a peer's counters.
type Stats struct {
	Full, Incremental int64 // transfers that changed the replica
	Failed            int64 // transfers that were refused or broken off
	Refused           int64 // records that must not be published
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
		Failed: p.stats.failed.Load(), Refused: p.stats.refused.Load(), Ahead: p.stats.ahead.Load(),
		Skew:  time.Duration(p.clock.ahead.Load()),
		Alike: p.stats.alike.Load(), Unlike: p.stats.unlike.Load(), Overtaken: p.stats.overtaken.Load(), Differs: p.differs.Load(),
		RTT: time.Duration(p.stats.smoothed.Load()), Heard: p.born.Add(time.Duration(p.heard.Load())),
		Level: p.born.Add(time.Duration(p.level.Load())),
	}
}

// rtt smooths the round-trip time (RFC 6298 §2). One that stands for several counts
// as that many equal ones.
func (s *stats) rtt(h *zone.Home, d time.Duration, times float64) {
	if old := s.smoothed.Load(); old > 0 {
		d += time.Duration(math.Pow(7.0/8, times) * float64(time.Duration(old)-d))
	}
	s.smoothed.Store(int64(d))
	h.SetDistance(d)
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

// failure is a row of transfers that did not succeed.
type failure struct {
	since  time.Time
	deltas int // IXFRs among them that were not answered with an RCODE
	warned bool
}

// maxBrokenDeltas is how many IXFRs in a row may break off before the full zone is
// asked for (RFC 1995 §4): what breaks them may stand in the history alone.
const maxBrokenDeltas = 2

// failed counts a transfer that was refused or broken off. The next heartbeat tries
// again.
func (p *Peer) failed(err error, ended bool) {
	p.stats.failed.Add(1)
	var answered rcodeError
	if p.deltas() && !errors.As(err, &answered) && !errors.Is(err, ErrRefused) {
		if p.broken.deltas++; p.broken.deltas >= maxBrokenDeltas || !ended {
			p.renew.Store(true)
		}
	}
	if p.broken.since.IsZero() {
		p.broken.since = time.Now()
	}
	if time.Since(p.broken.since) < 5*p.cfg.Timing.Silence || p.broken.warned {
		p.log.Debug("home zone not transferred", "err", err)
		return
	}
	p.broken.warned = true
	p.log.Warn("home zone cannot be transferred; what is known of it grows old", "err", err,
		"for", time.Since(p.broken.since).Round(time.Second))
}

// deltas reports whether the next transfer is an IXFR.
func (p *Peer) deltas() bool {
	held, now := p.cfg.Home.Version(), p.latest.Load()
	return held.Epoch != "" && now != nil && now.Epoch == held.Epoch && !p.renew.Load()
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

// take enters a transfer into the view. The caller holds taking.
func (p *Peer) take(t *stream.Transfer) {
	if t.Refused > 0 {
		p.stats.refused.Add(int64(t.Refused))
		p.log.Warn("records refused: they must not be published", "count", t.Refused, "first", t.FirstRefused)
	}
	switch {
	case t.Full:
		p.stats.full.Add(1)
		if n, b := p.cfg.Clock.ObserveAll(t.Bindings); n > 0 {
			p.stats.ahead.Add(int64(n))
			p.log.Warn("stamps lie in the future: check the node's clock", "aor", b.AOR, "stamp", b.Stamp.Time(), "count", n)
		}
		p.cfg.Home.Replace(t.Version, t.Node, t.Bindings)
		p.renew.Store(false)
		p.reached()
		if now := p.latest.Load(); now != nil && *now != t.Version {
			poke(p.wake) // a NOTIFY that came meanwhile reported another version
		}
		p.log.Info("home zone transferred", "bindings", len(t.Bindings), "serial", t.Version.Serial)
	case len(t.Deltas) > 0:
		p.stats.incremental.Add(1)
		for _, d := range t.Deltas {
			for _, c := range d.Changes {
				p.observe(c.New)
			}
			// Nothing changes if a NOTIFY has brought this step meanwhile, or an IXFR
			// was quicker than the NOTIFY.
			p.cfg.Home.Follow(record.Version{Epoch: t.Version.Epoch, Serial: d.From}, record.Version{Epoch: t.Version.Epoch, Serial: d.To}, d.Node, d.Changes)
			p.reached()
		}
	default:
		return
	}
	p.markLevel()
	p.cfg.Pulled()
}

// observe advances this node's clock to the stamps that it sees, and warns now and
// then of a node whose clock is far ahead.
func (p *Peer) observe(b location.Binding) {
	if b.Stamp == 0 || p.cfg.Clock.Observe(b.Stamp) {
		return
	}
	if n := p.stats.ahead.Add(1); n == 1 || n%1000 == 0 {
		p.log.Warn("stamp lies in the future: check the node's clock", "aor", b.AOR, "stamp", b.Stamp.Time(), "count", n)
	}
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
