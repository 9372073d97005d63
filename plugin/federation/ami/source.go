package ami

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/asterfed/asterfed/zone/location"
)

// Config is what a Source needs to know. Addr, User, Secret and Registrar are
// required.
type Config struct {
	Addr, User, Secret string
	Registrar          Registrar
	// Rivals returns the AORs that another home claims with a newer stamp.
	// They are listed again every RivalInterval (default 1 s), for the phone
	// may come back with a refresh, which sends no event. May be nil.
	Rivals        func() []location.AOR
	RivalInterval time.Duration
	// Trunks and Services are who hears of the devices that trunks lead
	// through, and of rooms, queues and parked calls; nil for nobody.
	Trunks   TrunkWatcher
	Services ServiceWatcher
	// Held returns how many bindings of a technology the Registrar holds
	// already, from an earlier run. A first list of less than half of them
	// is listed again before it is delivered. May be nil.
	Held func(location.Kind) int
	// Mark returns what stands for everything that the Registrar and other
	// homes have claimed so far; Keep is told, about once a second, up to which
	// mark the Registrar is known to be abreast of its Asterisk; Before is what
	// it was told last by an earlier process that knew the same. May be nil.
	Mark   func() location.Stamp
	Keep   func(Abreast)
	Before Abreast
	// Relist is the interval of the slow full listing, default 5 minutes. As
	// long as Asterisk has not announced a registration, it may be that it
	// announces none: the first interval is FirstRelist, default 15 seconds, and
	// each one is twice as long as the one before, up to Relist.
	Relist, FirstRelist time.Duration
	// Permit filters AORs; nil permits all.
	Permit func(location.AOR) bool
	// Former reports whether this Asterisk had another system name before, under
	// which a database of contacts still lists what registered then. May be nil.
	Former func(systemName string) bool
	Logger *slog.Logger
	// Dial is net.Dialer's by default.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Now is time.Now by default. It is compared with the expiry times that
	// Asterisk reports.
	Now func() time.Time
}

// Times that no operator needs to turn.
const (
	dialTimeout  = 5 * time.Second
	loginTimeout = 10 * time.Second
	firstBackoff = 100 * time.Millisecond
	maxBackoff   = time.Second // AMI is on this machine: an attempt costs nothing
	authBackoff  = 5 * time.Second
	stableAfter  = 5 * time.Second // a shorter connection counts as a failed attempt
	sameOutage   = time.Minute     // the same outage is logged so often at most
)

var (
	errShutdown = errors.New("asterisk announced its shutdown")
	errAuth     = errors.New("login refused")
)

// Unauthorized reports whether a Status has Err because Asterisk refused the
// login: the user, the secret or the address of the client.
func Unauthorized(err error) bool { return errors.Is(err, errAuth) }

// Source follows one Asterisk. Make one with New, then Run it.
type Source struct {
	cfg   Config
	users table
	stats counters
	// once holds what was logged already: refused AORs, outages.
	refused map[string]struct{}

	abreast Abreast
	starts  starts
	// again: the connection before was ended for a new login, nothing was lost.
	// deaf: registrations are not announced.
	again, deaf bool
	refreshes   refreshes

	version, systemName string // of the last connection that told
	last                Status
	warned              string // the last outage that was logged, and when
	warnedAt            time.Time
	servicesAt          time.Time // when services were last begun to be followed

	mu      sync.Mutex
	recheck map[location.AOR]struct{} // asked for by Recheck
	wake    chan struct{}
}

// New returns a Source that does nothing until Run.
func New(cfg Config) *Source {
	if cfg.Relist <= 0 {
		cfg.Relist = 5 * time.Minute
	}
	if cfg.FirstRelist <= 0 {
		cfg.FirstRelist = 15 * time.Second
	}
	if cfg.RivalInterval <= 0 {
		cfg.RivalInterval = time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Dial == nil {
		cfg.Dial = (&net.Dialer{}).DialContext
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.Logger = cfg.Logger.With("asterisk", cfg.Addr)
	return &Source{
		cfg:     cfg,
		users:   newTable(cfg.Now()),
		abreast: cfg.Before,
		refused: map[string]struct{}{},
		recheck: map[location.AOR]struct{}{},
		wake:    make(chan struct{}, 1),
	}
}

// Run connects, follows and reconnects until ctx ends. It must be called once.
// A lost connection removes nothing.
func (s *Source) Run(ctx context.Context) {
	s.status(Status{State: Connecting})
	backoff := firstBackoff
	for {
		began := time.Now()
		booted, err := s.connect(ctx)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, errLoginAgain) {
			s.again = booted
			s.stats.reconnects.Add(1)
			continue
		}
		s.again, s.deaf, s.starts = false, false, starts{}
		s.down(err)
		if booted && time.Since(began) >= stableAfter {
			backoff = firstBackoff
		}
		if errors.Is(err, errAuth) {
			backoff = authBackoff // a wrong secret does not get right by haste
		}
		wait := backoff - backoff/5 + rand.N(backoff*2/5) // ±20 %
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		backoff = min(2*backoff, maxBackoff)
		s.stats.reconnects.Add(1)
	}
}

// Recheck lists the AOR again now, because another home contests it. It does
// not block and may be called from any goroutine, also before Run.
func (s *Source) Recheck(a location.AOR) {
	s.mu.Lock()
	s.recheck[a] = struct{}{}
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Source) takeRechecks() map[location.AOR]struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.recheck) == 0 {
		return nil
	}
	out := s.recheck
	s.recheck = map[location.AOR]struct{}{}
	return out
}

func (s *Source) status(st Status) {
	switch {
	case st.State == Booting && (s.again || s.last.State == Booting):
		return // a new login goes on where the one before ended
	case st.State == Listing && s.again && (st.Err == nil || s.last.Err != nil):
		return
	}
	st.Version, st.SystemName, st.At = s.version, s.systemName, s.cfg.Now()
	s.last = st
	s.cfg.Registrar.Status(st)
}

// down reports an outage once for each cause.
func (s *Source) down(err error) {
	s.stats.connected.Store(false)
	text := func(e error) string {
		if e == nil {
			return ""
		}
		return e.Error()
	}
	if s.last.State == Down && (text(s.last.Err) == text(err) || !errors.Is(err, errAuth)) {
		return
	}
	shutdown := errors.Is(err, errShutdown)
	now := time.Now()
	switch {
	case shutdown:
		s.cfg.Logger.Info("Asterisk is stopping")
	case s.warned == text(err) && now.Sub(s.warnedAt) < sameOutage:
	case errors.Is(err, errAuth):
		s.cfg.Logger.Warn("Asterisk refuses the login of the manager user", "user", s.cfg.User, "err", err)
	default:
		s.cfg.Logger.Warn("Asterisk is not reachable over AMI", "err", err)
	}
	if !shutdown && (s.warned != text(err) || now.Sub(s.warnedAt) >= sameOutage) {
		s.warned, s.warnedAt = text(err), now
	}
	s.status(Status{State: Down, Shutdown: shutdown, Err: err})
}
