package registrations

import (
	"log/slog"
	"sync"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami"
	"github.com/asterfed/asterfed/zone/location"
)

// Config is what a Source needs to know. Listener is required.
type Config struct {
	Listener Listener
	// Rivals returns the AORs that another home claims with a newer stamp.
	// They are listed again every RivalInterval (default 1 s), for the phone
	// may come back with a refresh, which sends no event. May be nil.
	Rivals        func() []location.AOR
	RivalInterval time.Duration
	// Held returns how many bindings of a technology the Listener has already,
	// from an earlier run. A first list of less than half of them is listed
	// again before it is delivered. May be nil.
	Held func(location.Kind) int
	// Mark returns what stands for everything that the Listener and other homes
	// have claimed so far. Keep gets, about once a second, how far the Listener
	// is known to have followed Asterisk; Before is what an earlier process got
	// last, if the Listener still knows the same. May be nil.
	Mark   func() location.Stamp
	Keep   func(Checkpoint)
	Before Checkpoint
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
	// Now is time.Now by default. It is compared with the expiry times that
	// Asterisk reports.
	Now func() time.Time
}

// Source is the part of a Client that follows registrations.
type Source struct {
	cfg     Config
	users   table
	stats   counters
	refused map[string]struct{} // AORs that were logged as refused

	checkpoint Checkpoint
	deaf       bool // registrations are not announced
	on         *follower

	mu      sync.Mutex
	recheck map[location.AOR]struct{} // asked for by Recheck
	conn    *ami.Conn                 // of on, to be woken
}

// New returns a Source that does nothing before it is a part of a Client.
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
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Source{cfg: cfg, users: newTable(cfg.Now()), checkpoint: cfg.Before,
		refused: map[string]struct{}{}, recheck: map[location.AOR]struct{}{}}
}

// Classes implements ami.Part. From security comes the sign that a phone has
// authenticated, from reporting, in some builds, that a contact was refreshed.
func (s *Source) Classes() []string { return []string{"security", "reporting"} }

// Begin implements ami.Part: it asks for a full listing.
func (s *Source) Begin(c *ami.Conn, b ami.Boot) error {
	s.begin(c, b)
	return nil
}

func (s *Source) begin(c *ami.Conn, b ami.Boot) *follower {
	f := newFollower(s, c)
	s.on = f
	s.mu.Lock()
	s.conn = c
	s.mu.Unlock()
	f.young, f.again = b.Young(), b.Again
	f.marks.begin(b.Run)
	s.deaf = b.Silent || s.deaf && b.Again
	now := time.Now()
	if s.cfg.Rivals != nil {
		f.rivalsAt = now.Add(s.cfg.RivalInterval)
	}
	f.full.want(allTechs, now)
	if s.deaf {
		f.heard.goDeaf(now)
	}
	return f
}

// Event implements ami.Part.
func (s *Source) Event(m *ami.Message) error {
	s.on.event(m)
	return nil
}

// Step implements ami.Part.
func (s *Source) Step(now time.Time) (time.Time, error) { return s.on.step(now) }

// Recheck lists the AOR again now, because another home contests it. It does
// not block and may be called from any goroutine, also before Begin.
func (s *Source) Recheck(a location.AOR) {
	s.mu.Lock()
	s.recheck[a] = struct{}{}
	c := s.conn
	s.mu.Unlock()
	if c != nil {
		c.Wake()
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

// aor checks the text of an AOR. A user that is known already needs no second
// look; what cannot be published is counted, and logged once.
func (s *Source) aor(b []byte) (location.AOR, bool) {
	if u := s.users.user(location.AOR(b)); u != nil {
		return u.aor, true
	}
	return s.stranger(b)
}

// stranger is aor for one that is no user's.
func (s *Source) stranger(b []byte) (location.AOR, bool) {
	a, err := location.ParseAOR(string(b))
	if err != nil {
		s.refuse(string(b), err)
		return "", false
	}
	if s.cfg.Permit != nil && !s.cfg.Permit(a) {
		s.users.denied[a] = true
		return "", false
	}
	return a, true
}

// maxRefused bounds how many refused AORs are remembered, and so logged.
const maxRefused = 1000

func (s *Source) refuse(text string, err error) {
	if _, ok := s.refused[text]; ok {
		return
	}
	s.stats.refusedAORs.Add(1)
	if len(s.refused) >= maxRefused || len(text) > maxURI {
		return
	}
	s.refused[text] = struct{}{}
	s.cfg.Logger.Warn("AOR cannot be published", "err", err)
}
