package live

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami"
	"github.com/asterfed/asterfed/plugin/federation/ami/pbx"
	"github.com/asterfed/asterfed/zone/location"
)

// Live asks Asterisk what is going on there now, for an operator who asks every
// node. It has a connection of its own, opened when somebody asks and closed when
// nobody does, so that a slow answer never holds up the Client that follows
// Asterisk. However many ask, Asterisk is asked each question once a
// second at most, and one question at a time. Safe for concurrent use.
type Live struct {
	cfg Config

	conn sync.Mutex // one question at a time
	open *inquiry   // nil while there is no connection; guarded by conn
	idle *time.Timer

	loggingIn atomic.Bool // a login is not answered yet

	mu      sync.Mutex
	flights map[string]*flight // by question
}

// Config says which Asterisk is asked. Addr, User and Secret are required.
type Config struct {
	Addr, User, Secret string
	Former             func(systemName string) bool // as in registrations.Config
	// Dial is net.Dialer's by default, Now is time.Now.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	Now  func() time.Time
}

const (
	liveFresh   = time.Second      // how long an answer serves
	liveTimeout = 10 * time.Second // what a question may take altogether
	liveIdle    = 30 * time.Second // after which the connection is closed
)

// errLoginPending is why a question has no answer in time. Asterisk answers a
// login that it refuses a second late, which may be too late for who asks.
var errLoginPending = errors.New("no answer of Asterisk to the login yet: it refuses a second session of the manager user if manager.conf has allowmultiplelogin=no")

// New returns a Live that opens nothing yet.
func New(cfg Config) *Live {
	if cfg.Dial == nil {
		cfg.Dial = (&net.Dialer{}).DialContext
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Live{cfg: cfg, flights: map[string]*flight{}}
}

// flight is a question under way, or its answer.
type flight struct {
	done chan struct{}
	at   time.Time // when it was answered
	val  any
	err  error
}

// inquire returns the answer to a question: one that is fresh, one that is under
// way, or a new one. It waits no longer than ctx, but what is under way goes on
// for others.
func inquire[T any](ctx context.Context, l *Live, question string, put func(*inquiry) (T, error)) (T, error) {
	l.mu.Lock()
	f := l.flights[question]
	if f == nil || !f.at.IsZero() && l.cfg.Now().Sub(f.at) >= liveFresh {
		f = &flight{done: make(chan struct{})}
		l.flights[question] = f
		go func() {
			val, err := l.put(func(q *inquiry) (any, error) { return put(q) })
			l.mu.Lock()
			defer l.mu.Unlock()
			f.val, f.err, f.at = val, err, l.cfg.Now()
			close(f.done)
		}()
	}
	l.mu.Unlock()
	var none T
	select {
	case <-ctx.Done():
		if l.loggingIn.Load() {
			return none, errLoginPending
		}
		return none, ctx.Err()
	case <-f.done:
	}
	if f.err != nil {
		return none, f.err
	}
	return f.val.(T), nil
}

// put puts a question on the connection, opened if need be. One that was open
// may have been closed by Asterisk: a second try is on a new one.
func (l *Live) put(question func(*inquiry) (any, error)) (val any, err error) {
	l.conn.Lock()
	defer l.conn.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), liveTimeout)
	defer cancel()
	for {
		kept := l.open != nil
		if !kept {
			if l.open, err = l.dial(ctx); err != nil {
				return nil, err
			}
		}
		val, err = question(l.open)
		var refused *ami.Refused
		if err == nil || errors.As(err, &refused) {
			l.rest()
			return val, err
		}
		l.hangUp()
		if !kept || ctx.Err() != nil {
			return nil, err
		}
	}
}

// rest closes the connection when it was not used for a while.
func (l *Live) rest() {
	if l.idle == nil {
		l.idle = time.AfterFunc(liveIdle, l.Close)
		return
	}
	l.idle.Reset(liveIdle)
}

// Close closes the connection; the next question opens another.
func (l *Live) Close() {
	l.conn.Lock()
	defer l.conn.Unlock()
	l.hangUp()
}

func (l *Live) hangUp() {
	if l.open != nil {
		l.open.conn.Close()
		l.open = nil
	}
}

// Status is what an Asterisk says of itself.
type Status struct {
	Version   string
	Calls     int    // under way
	Processed int    // since its start
	Since     string // its start, in its own local time: 2026-11-22T19:13:11
}

// Channel is one channel that is up in Asterisk.
type Channel struct {
	Name, State string // "PJSIP/1001-0000002a", "Up"
	Number      string // caller's number
	Connected   string // number of the other side
	Extension   string // "1002@from-phones"
	Seconds     int
}

// Status asks for CoreStatus and CoreSettings (classes system or reporting).
func (l *Live) Status(ctx context.Context) (Status, error) {
	return inquire(ctx, l, "status", (*inquiry).status)
}

// Channels asks for CoreShowChannels (classes system or reporting).
func (l *Live) Channels(ctx context.Context) ([]Channel, error) {
	return inquire(ctx, l, "channels", (*inquiry).channels)
}

// Contacts asks for all contacts that are registered, of every technology
// (class system), in no particular order. Those whose AOR cannot be published
// are left out. The slice is shared and must not be modified.
func (l *Live) Contacts(ctx context.Context) ([]location.Contact, error) {
	return inquire(ctx, l, "contacts", (*inquiry).contacts)
}

// Trunks asks, for each device, why calls cannot leave through it now, nil if
// they can (class system); pbx.ErrRegistering if that cannot be seen from one
// listing. The map is shared and must not be modified.
func (l *Live) Trunks(ctx context.Context, devices []pbx.Device) (map[pbx.Device]error, error) {
	return inquire(ctx, l, "trunks", func(q *inquiry) (map[pbx.Device]error, error) { return q.trunks(devices) })
}
