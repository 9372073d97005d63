package peer

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asterfed/asterfed/zone"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/tsig"
)

// Peer keeps this node level with one other node's home zone, and tells that
// node of changes here. Run does the work; everything else may be called from
// any goroutine.
type Peer struct {
	cfg    Config
	apex   string
	log    *slog.Logger
	wake   chan struct{} // the other side has another version: transfer now
	check  chan struct{} // the other side may have another version: ask for its SOA now
	redial chan struct{} // the other side is said to be back: dial now
	addr   atomic.Pointer[string]
	latest atomic.Pointer[record.Version] // what the other side was last said to have
	clock  *skewed
	taking sync.Mutex // one transfer goes into the view at a time
	born   time.Time
	heard  atomic.Int64  // nanoseconds since born, by a clock that nobody sets
	doubt  chan struct{} // the other side is said to be dead: ask now
	level  atomic.Int64  // when what is held was last known to be what the other side has, by now; 0 if never
	whole  pace          // of full transfers
	broken failure       // of transfers
	pulse  pulse
	stats  stats
	comparison
}

// Config says which node and what to do with what it tells.
type Config struct {
	Node   string
	Addr   string // host:port of its DNS server
	Origin string
	Key    *tsig.Key // nil only in tests
	Home   *zone.Home
	Own    *Notifier
	Clock  *location.Clock
	// Heard is called for every message that verifies; Lost whenever the
	// connection could not be made, ended, or was silent. From one goroutine
	// each; they must not block.
	Heard func()
	Lost  func(error)
	// Refused is called instead of Lost when the other side is alive, but
	// answers with ErrKey.
	Refused func(error)
	// Pulled is called after every transfer that brought news, and after every
	// NOTIFY that did, one call at a time.
	Pulled func()

	Now    func() time.Time // the wall clock, default time.Now
	Timing Timing           // default LAN
	// Compare is how often what is held is compared with what the other side
	// holds, default 30 s.
	Compare time.Duration
	Peers   func() int // how many this node has: many make the heartbeats slower
	Dial    func(ctx context.Context, network, addr string) (net.Conn, error)
	Logger  *slog.Logger
}

// New returns a peer that does nothing until Run.
func New(c Config) *Peer {
	if c.Timing == (Timing{}) {
		c.Timing = LAN
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Compare == 0 {
		c.Compare = compareEvery
	}
	if c.Peers == nil {
		c.Peers = func() int { return 1 }
	}
	if c.Dial == nil {
		c.Dial = (&net.Dialer{}).DialContext
	}
	if c.Refused == nil {
		c.Refused = c.Lost
	}
	if c.Pulled == nil {
		c.Pulled = func() {}
	}
	p := &Peer{cfg: c, apex: record.HomeZone(c.Node, c.Origin), log: c.Logger.With("peer", c.Node),
		wake: make(chan struct{}, 1), check: make(chan struct{}, 1), whole: fullPace(), redial: make(chan struct{}, 1), doubt: make(chan struct{}, 1), born: time.Now(), clock: &skewed{now: c.Now}}
	p.SetAddr(c.Addr)
	return p
}

// SetAddr changes where the peer's DNS server is; the next dial goes there.
func (p *Peer) SetAddr(addr string) { p.addr.Store(&addr) }

// Addr returns where the peer's DNS server is.
func (p *Peer) Addr() string { return *p.addr.Load() }

// hinted takes a version that a message from elsewhere names (RFC 1996 §4.7).
// What may lead on from the version held is asked for at once, by an IXFR. Every
// other version is only a reason to ask the peer for its SOA: the key proves no
// node and the message may be a replay, so that it cannot cause a full transfer.
func (p *Peer) hinted(v record.Version) {
	held, said := p.cfg.Home.Version(), p.latest.Load()
	switch {
	case v == held:
	case v.Epoch == held.Epoch && record.Newer(v.Serial, held.Serial):
		p.latest.Store(&v)
		poke(p.wake)
	case said != nil && v == *said:
		poke(p.wake)
	default:
		poke(p.check)
	}
}

// Level reports whether the home zone was ever level with what the other side
// says that it has: a copy kept on disk alone is not.
func (p *Peer) Level() bool { return p.level.Load() > 0 }

// markLevel notes that what is held is what the other side has.
func (p *Peer) markLevel() { p.level.Store(max(1, int64(p.now()))) }

// Redial makes a peer that waits before its next dial do so now.
func (p *Peer) Redial() { poke(p.redial) }

// Doubt makes the peer find out now whether the other side lives: Serf says
// that it does not.
func (p *Peer) Doubt() {
	poke(p.doubt)
	poke(p.redial)
}

func (p *Peer) timing() Timing { return p.cfg.Timing.Among(p.cfg.Peers()) }

func (p *Peer) now() time.Duration { return time.Since(p.born) }

func poke(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// The waits between dials.
const (
	firstRedial = 20 * time.Millisecond
	lastRedial  = time.Second
)

// Run connects and reconnects until ctx ends.
func (p *Peer) Run(ctx context.Context) {
	wait := firstRedial
	for ctx.Err() == nil {
		began := time.Now()
		err := p.connect(ctx)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, ErrClock) {
			p.tellClock(err)
			p.cfg.Heard()
		} else if errors.Is(err, ErrKey) {
			p.cfg.Refused(err)
		} else {
			p.cfg.Lost(err)
		}
		if time.Since(began) > 2*lastRedial {
			wait = firstRedial
		}
		select {
		case <-ctx.Done():
			return
		case <-p.redial:
		case <-time.After(wait):
		}
		wait = min(2*wait, lastRedial)
	}
}

func (p *Peer) hear() {
	p.heard.Store(int64(p.now()))
	p.cfg.Heard()
}

// first asks for the SOA on a new connection.
func (p *Peer) first(ctx context.Context, s *session, patience time.Duration) error {
	start := time.Now()
	v, err := s.soa(ctx, p.apex, patience)
	if err != nil {
		return err
	}
	p.stats.rtt(p.cfg.Home, time.Since(start), 1)
	p.pulse.sampled.Store(int64(p.now()))
	p.said(v)
	return nil
}

// connect runs one connection to its end.
func (p *Peer) connect(ctx context.Context) error {
	t := p.cfg.Timing
	conn, err := p.dial(ctx, t.Dial)
	if err != nil {
		return err
	}
	s := newSession(conn, p.cfg.Key, p.hear, p.clock)
	defer s.close(errors.New("closed"))
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	p.heard.Store(int64(p.now()))
	if err := p.first(ctx, s, t.Silence/2); err != nil {
		return err
	}
	tasks := []func(context.Context, *session) error{p.heartbeats, p.pulls, p.announce, p.compare}
	done := make(chan error, len(tasks))
	for _, f := range tasks {
		go func() { done <- f(ctx, s) }()
	}
	err = <-done
	cancel(err)
	s.close(err)
	for range len(tasks) - 1 {
		<-done
	}
	return err
}
