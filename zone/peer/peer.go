package peer

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/tsig"
	"github.com/asterfed/asterfed/zone/view"
)

// Peer keeps a replica of one other node's home zone, and notifies that node of
// changes here. Run does the work; everything else may be called from any
// goroutine.
type Peer struct {
	cfg    Config
	apex   string
	log    *slog.Logger
	redial chan struct{} // the peer is said to be back: dial now
	clock  *skewed
	born   time.Time
	heard  atomic.Int64  // nanoseconds since born, by the monotonic clock
	probe  chan struct{} // the peer is said to be dead: ask now
	pulse  pulse
	rtt    roundTrip
	replica
	dialer
}

// Config says which node to follow and whom to tell what happens.
type Config struct {
	Node   string
	Addr   string // host:port of its DNS server
	Origin string
	Key    *tsig.Key // nil only in tests
	Home   *view.Home
	Own    *Notifier
	Clock  *location.Clock
	// Heard is called for every message that verifies, Lost when the connection
	// could not be made, ended, or was silent for too long. Each is called from one
	// goroutine and must not block.
	Heard func()
	Lost  func(error)
	// Refused is called instead of Lost when the peer is alive but does not accept
	// the key.
	Refused func(error)
	// Pulled is called after each transfer or NOTIFY that changed the replica, one
	// call at a time.
	Pulled func()

	Now    func() time.Time // the wall clock, default time.Now
	Timing Timing           // default LAN
	// Compare is how often the replica is compared with the primary, default 30 s.
	Compare time.Duration
	Peers   func() int // how many peers this node has: many slow the heartbeats down
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
	p := &Peer{cfg: c, apex: record.HomeZone(c.Node, c.Origin), log: c.Logger.With("peer", c.Node), born: time.Now(), clock: &skewed{now: c.Now},
		redial: make(chan struct{}, 1), probe: make(chan struct{}, 1)}
	p.replica = replica{home: c.Home, stamps: c.Clock, log: p.log, now: p.now, silence: c.Timing.Silence, pulled: c.Pulled,
		wake: make(chan struct{}, 1), check: make(chan struct{}, 1), whole: fullPace()}
	p.connectTo = c.Dial
	p.SetAddr(c.Addr)
	return p
}

// Redial makes a peer that waits before its next dial do so now.
func (p *Peer) Redial() { poke(p.redial) }

// Probe makes the peer find out now whether the other node is alive, since Serf
// says that it is not.
func (p *Peer) Probe() {
	poke(p.probe)
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
		if errors.Is(err, errClock) {
			p.clock.report(p.log, err)
			p.cfg.Heard()
		} else if errors.Is(err, errKey) {
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
	p.rtt.add(p.cfg.Home, time.Since(start), 1)
	p.pulse.sampled.Store(int64(p.now()))
	p.reported(v)
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
