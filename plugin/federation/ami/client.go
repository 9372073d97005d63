package ami

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"
)

// Part follows one thing over the connections of a Client. Its methods are
// called in order, from one goroutine, and must not block: while they run nothing
// is read from Asterisk. An error ends the connection.
type Part interface {
	// Classes are the classes of events that the part listens to, besides system.
	Classes() []string
	// Begin starts on a connection, when Asterisk is FullyBooted.
	Begin(c *Conn, b Boot) error
	// Event takes an event that answers no action.
	Event(m *Message) error
	// Step does what is due, and returns when there is more to do, zero for
	// never.
	Step(now time.Time) (time.Time, error)
}

// Boot is what a Client knows of Asterisk at the beginning of a connection.
type Boot struct {
	// Uptime is how long Asterisk has been up, if Known.
	Uptime time.Duration
	Known  bool
	// Run is when it was started, zero if that is not known.
	Run time.Time
	// Silent: it sends no events.
	Silent bool
	// Again: the connection before was ended for a new login, and nothing was
	// lost.
	Again bool
}

// Young reports whether Asterisk may still be announcing the contacts of its
// database.
func (b Boot) Young() bool { return !b.Known || b.Uptime < bootTime }

// bootTime is up to which uptime Asterisk may still be busy with its start.
const bootTime = time.Minute

// SameRun reports whether two times are the start of one run of Asterisk. Asterisk
// reports its uptime in whole seconds; a run that was followed at all was longer
// than the difference.
func SameRun(a, b time.Time) bool {
	d := a.Sub(b)
	return !a.IsZero() && !b.IsZero() && max(d, -d) <= 2*time.Second
}

// Config is what a Client needs to know. Addr, User and Secret are required.
type Config struct {
	Addr, User, Secret string
	// Report is called when the state of the connection changes, from the
	// goroutine of Run. It must not block. May be nil.
	Report func(Status)
	Logger *slog.Logger
	// Dial is net.Dialer's by default, Now is time.Now.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	Now  func() time.Time
}

// Times of connecting.
const (
	dialTimeout  = 5 * time.Second
	loginTimeout = 10 * time.Second
	// greetingTimeout is for the line with which Asterisk begins at once. A port
	// for TLS waits for the client instead.
	greetingTimeout = 3 * time.Second
	firstBackoff    = 100 * time.Millisecond
	maxBackoff      = time.Second // AMI is on this machine: an attempt costs nothing
	authBackoff     = 5 * time.Second
	stableAfter     = 5 * time.Second // a shorter connection counts as a failed attempt
	sameOutage      = time.Minute     // the same outage is logged so often at most
)

// Client keeps a connection to one Asterisk. Make one with New, then Run it.
type Client struct {
	cfg   Config
	parts []Part
	wake  chan struct{}

	connected          atomic.Bool
	events, reconnects atomic.Uint64

	version, systemName string // of the last connection that had them
	last                Status
	warned              string // the last outage that was logged, and when
	warnedAt            time.Time
	starts              starts
	again               bool            // see Boot
	said                map[string]bool // since the last outage, see Conn.Say
}

// New returns a Client that does nothing until Run. Its parts follow Asterisk in
// their order.
func New(cfg Config, parts ...Part) *Client {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Report == nil {
		cfg.Report = func(Status) {}
	}
	if cfg.Dial == nil {
		cfg.Dial = (&net.Dialer{}).DialContext
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.Logger = cfg.Logger.With("asterisk", cfg.Addr)
	return &Client{cfg: cfg, parts: parts, wake: make(chan struct{}, 1), said: map[string]bool{}}
}

// Run connects, follows and reconnects until ctx ends. It must be called once.
func (c *Client) Run(ctx context.Context) {
	c.report(Status{State: Connecting})
	backoff := firstBackoff
	for {
		began := time.Now()
		booted, err := c.connect(ctx)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, ErrLoginAgain) {
			c.again = booted
			c.reconnects.Add(1)
			continue
		}
		c.again, c.starts = false, starts{}
		clear(c.said)
		c.down(err)
		if booted && time.Since(began) >= stableAfter {
			backoff = firstBackoff
		}
		if errors.Is(err, errAuth) {
			backoff = authBackoff // haste does not mend a wrong secret
		}
		wait := backoff - backoff/5 + rand.N(backoff*2/5) // ±20 %
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		backoff = min(2*backoff, maxBackoff)
		c.reconnects.Add(1)
	}
}

// Wake lets every part Step soon. It does not block and may be called from any
// goroutine, also before Run.
func (c *Client) Wake() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Stats are counters since New, for metrics.
type Stats struct {
	Connected  bool   // logged in, and Asterisk is FullyBooted
	Events     uint64 // read, rows of listings left out
	Reconnects uint64 // attempts to connect after the first
}

// Stats returns the counters as they are now. Safe for concurrent use.
func (c *Client) Stats() Stats {
	return Stats{Connected: c.connected.Load(), Events: c.events.Load(), Reconnects: c.reconnects.Load()}
}

func (c *Client) report(st Status) {
	switch {
	case st.State == Booting && (c.again || c.last.State == Booting):
		return // a new login goes on where the one before ended
	case st.State == Listing && c.again && (st.Err == nil || c.last.Err != nil):
		return
	}
	st.Version, st.SystemName, st.At = c.version, c.systemName, c.cfg.Now()
	c.last = st
	c.cfg.Report(st)
}

// down reports an outage once for each cause.
func (c *Client) down(err error) {
	c.connected.Store(false)
	text := err.Error()
	if c.last.State == Down && (c.last.Err != nil && c.last.Err.Error() == text || !errors.Is(err, errAuth)) {
		return
	}
	shutdown := errors.Is(err, errShutdown)
	if shutdown {
		c.cfg.Logger.Info("Asterisk is stopping")
	} else {
		c.warn(text, err)
	}
	c.report(Status{State: Down, Shutdown: shutdown, Err: err})
}

func (c *Client) warn(text string, err error) {
	now := time.Now()
	if c.warned == text && now.Sub(c.warnedAt) < sameOutage {
		return
	}
	c.warned, c.warnedAt = text, now
	if errors.Is(err, errAuth) {
		c.cfg.Logger.Warn("Asterisk refuses the login of the manager user", "user", c.cfg.User, "err", err)
	} else {
		c.cfg.Logger.Warn("Asterisk is not reachable over AMI", "err", err)
	}
}
