package xfr

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/asterfed/asterfed/zone"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/miekg/dns"
)

// Peer keeps this node level with one other node's home zone, and tells that
// node of changes here. Run does the work; everything else may be called from
// any goroutine.
type Peer struct {
	cfg    PeerConfig
	apex   string
	log    *slog.Logger
	wake   chan struct{} // a NOTIFY came in: pull now
	redial chan struct{} // the other side is said to be back: dial now
	addr   atomic.Pointer[string]
	latest atomic.Pointer[zone.Version] // what the other side was last said to have
	heard  atomic.Int64                 // unix nanoseconds
	level  atomic.Bool
	stats  stats
}

// PeerConfig says which node and what to do with what it tells.
type PeerConfig struct {
	Node   string
	Addr   string // host:port of its DNS server
	Origin string
	Key    *Key // nil only in tests
	Home   *zone.Home
	Own    *zone.Primary
	Clock  *location.Clock
	// Heard is called for every message that verifies; Lost whenever the
	// connection could not be made, ended, or was silent. From one goroutine
	// each; they must not block.
	Heard func()
	Lost  func(error)
	// Refused is called instead of Lost when the other side is alive, but
	// answers with ErrKey.
	Refused func(error)
	// Pulled is called after every transfer that brought news.
	Pulled func()

	Heartbeat time.Duration // between SOA queries, default 500 ms
	Silence   time.Duration // until a silent connection is lost, default 1.25 s
	Dial      func(ctx context.Context, network, addr string) (net.Conn, error)
	Logger    *slog.Logger
}

// NewPeer returns a peer that does nothing until Run.
func NewPeer(c PeerConfig) *Peer {
	if c.Heartbeat == 0 {
		c.Heartbeat = 500 * time.Millisecond
	}
	if c.Silence == 0 {
		c.Silence = 1250 * time.Millisecond
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
	p := &Peer{cfg: c, apex: zone.HomeZone(c.Node, c.Origin), log: c.Logger.With("peer", c.Node),
		wake: make(chan struct{}, 1), redial: make(chan struct{}, 1)}
	p.SetAddr(c.Addr)
	return p
}

// SetAddr changes where the peer's DNS server is; the next dial goes there.
func (p *Peer) SetAddr(addr string) { p.addr.Store(&addr) }

// Addr returns where the peer's DNS server is.
func (p *Peer) Addr() string { return *p.addr.Load() }

// Notified makes the peer pull at once (RFC 1996 §4.7), unless what is held
// is already at v.
func (p *Peer) Notified(v zone.Version) {
	p.latest.Store(&v)
	if v != p.cfg.Home.Version() {
		poke(p.wake)
	}
}

// Level reports whether the home zone was ever level with what the other side
// says that it has: a copy kept on disk alone is not.
func (p *Peer) Level() bool { return p.level.Load() }

// Redial makes a peer that waits before its next dial do so now.
func (p *Peer) Redial() { poke(p.redial) }

func poke(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// The waits between dials, and how long one may take.
const (
	firstRedial = 20 * time.Millisecond
	lastRedial  = time.Second
	dialTimeout = 700 * time.Millisecond
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
		if errors.Is(err, ErrKey) {
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

func (p *Peer) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := p.cfg.Dial(ctx, "tcp", p.Addr())
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", p.Addr(), err)
	}
	return conn, nil
}

func (p *Peer) hear() {
	p.heard.Store(time.Now().UnixNano())
	p.cfg.Heard()
}

var errSilent = errors.New("no answer on an open connection")

// connect runs one connection to its end.
func (p *Peer) connect(ctx context.Context) error {
	conn, err := p.dial(ctx)
	if err != nil {
		return err
	}
	s := newSession(conn, p.cfg.Key, p.hear)
	defer s.close(errors.New("closed"))
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	p.heard.Store(time.Now().UnixNano())
	if err := p.beat(ctx, s); err != nil {
		return err
	}
	done := make(chan error, 3)
	for _, f := range []func(context.Context, *session) error{p.heartbeats, p.pulls, p.announce} {
		go func() { done <- f(ctx, s) }()
	}
	err = <-done
	cancel(err)
	s.close(err)
	<-done
	<-done
	return err
}

// heartbeats asks for the SOA again and again. Any message counts as life: a
// transfer under way may delay the answer.
func (p *Peer) heartbeats(ctx context.Context, s *session) error {
	tick := time.NewTicker(p.cfg.Heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.done:
			return s.err()
		case <-tick.C:
		}
		if err := p.beat(ctx, s); err != nil && !errors.Is(err, errTimeout) {
			return err
		}
		if quiet := time.Since(time.Unix(0, p.heard.Load())); quiet >= p.cfg.Silence {
			return fmt.Errorf("%w for %s", errSilent, quiet.Round(time.Millisecond))
		}
	}
}

// beat is one heartbeat. The time it takes is the distance.
func (p *Peer) beat(ctx context.Context, s *session) error {
	start := time.Now()
	v, err := s.soa(ctx, p.apex, p.cfg.Silence/2)
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

// announce sends a NOTIFY for every new version of this node's own zone: at
// once when the connection is idle, one for many under load.
func (p *Peer) announce(ctx context.Context, s *session) error {
	var pace pace
	for {
		if d := pace.next(time.Now()); d > 0 {
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-s.done:
				return s.err()
			case <-time.After(d):
			}
		}
		bell := p.cfg.Own.Changed()
		v := p.cfg.Own.Version()
		// One that is late waits behind an answer under way; whether the
		// connection is silent is for the heartbeat to say.
		if err := p.notify(ctx, s, v); err != nil && !errors.Is(err, errTimeout) {
			return err
		}
		if p.cfg.Own.Version() != v {
			continue
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.done:
			return s.err()
		case <-bell:
		}
	}
}

// notify sends one NOTIFY with the SOA as hint (RFC 1996 §3.7). A node that
// does not know this one yet refuses it; its heartbeat will catch up.
func (p *Peer) notify(ctx context.Context, s *session, v zone.Version) error {
	apex := zone.HomeZone(p.cfg.Own.Node().Name, p.cfg.Origin)
	m := new(dns.Msg)
	m.SetNotify(apex)
	m.Answer = []dns.RR{v.SOA(apex, p.cfg.Origin, 0)}
	r, err := s.exchange(ctx, m, 3*p.cfg.Silence)
	if r != nil {
		return nil
	}
	return err
}
