package ami

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

// Conn is one connection of a Client. Its methods are for the goroutine in which
// the parts run.
type Conn struct {
	client  *Client
	stream  *stream
	nextID  uint64
	pending map[uint64]*pending
	pinged  time.Time // when the outstanding Ping was sent, else zero

	booted   bool
	boot     bootWatch
	settings Settings
	lacks    bool      // the manager user has not all rights that are of use
	loginAt  time.Time // when to log in again, zero for never
}

// Settings is what CoreSettings says.
type Settings struct {
	Known      bool // it has answered
	SystemName string
	// Realtime: some configuration is in a database, which other Asterisks may
	// share.
	Realtime bool
}

// Handler takes the messages that answer one action.
type Handler interface {
	// Row takes one event of the list that answers it.
	Row(m *Message) error
	// Done takes the message that ends the answer. Err is nil if the action was
	// done, and its list complete, otherwise a *Refused or errCancelled. An
	// error that it returns ends the connection.
	Done(m *Message, err error) error
}

// Patient is a Handler whose answer Asterisk may collect for long without a word.
type Patient interface {
	Handler
	Patience() time.Duration
}

// pending is an action that is not answered completely.
type pending struct {
	Handler
	action Action
	rows   int
}

// MaxRows bounds what one list may hold.
const MaxRows = 2_000_000

var errCancelled = errors.New("listing was cancelled")

// HandlerFunc is a Handler that takes the end of an answer alone.
type HandlerFunc func(m *Message, err error) error

// Row does nothing.
func (f HandlerFunc) Row(*Message) error { return nil }

// Done calls f.
func (f HandlerFunc) Done(m *Message, err error) error { return f(m, err) }

// ignored is the Handler of an action whose answer does not matter.
var ignored = HandlerFunc(func(*Message, error) error { return nil })

func newConn(c *Client, conn net.Conn) *Conn {
	out := &Conn{client: c, stream: newStream(conn), pending: map[uint64]*pending{}}
	out.boot.conn = out
	return out
}

// connect runs one connection to its end. Booted says that Asterisk was
// FullyBooted in it.
func (c *Client) connect(ctx context.Context) (booted bool, err error) {
	dctx, cancel := context.WithTimeout(ctx, dialTimeout)
	conn, err := c.cfg.Dial(dctx, "tcp", c.cfg.Addr)
	cancel()
	if err != nil {
		return false, err
	}
	x := newConn(c, conn)
	go x.stream.receive()
	defer x.stream.close()
	err = x.run(ctx)
	return x.booted, err
}

// run logs in and follows the connection until it or ctx ends.
func (c *Conn) run(ctx context.Context) error {
	if err := c.login(ctx); err != nil {
		return err
	}
	c.client.report(Status{State: Booting})
	if err := c.boot.await(time.Now()); err != nil {
		return err
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		wait, err := c.step()
		if errors.Is(err, ErrLoginAgain) {
			_ = c.Send(ActLogoff, ignored)
		}
		if err != nil {
			return err
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			_ = c.Send(ActLogoff, ignored)
			return ctx.Err()
		case <-timer.C:
		case <-c.client.wake:
		case m, ok := <-c.stream.in:
			if err := c.drain(m, ok); err != nil {
				return err
			}
		}
	}
}

// login waits for the greeting, so that nobody but AMI gets the secret, sends the
// credentials and waits for their acceptance.
func (c *Conn) login(ctx context.Context) error {
	timeout := time.NewTimer(greetingTimeout)
	defer timeout.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timeout.C:
		return errNoGreeting
	case <-c.stream.greeted:
	case _, more := <-c.stream.in:
		if !more {
			return fmt.Errorf("log in: %w", c.stream.err)
		}
	}
	// A mask of the classes that are of use spares both sides the rest.
	classes := []string{"system"} // of FullyBooted, Shutdown and Reload
	for _, p := range c.client.parts {
		for _, class := range p.Classes() {
			if !slices.Contains(classes, class) {
				classes = append(classes, class)
			}
		}
	}
	if err := c.Send(ActLogin, ignored, c.client.cfg.User, c.client.cfg.Secret, strings.Join(classes, ",")); err != nil {
		return err
	}
	timeout.Reset(loginTimeout)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timeout.C:
			return fmt.Errorf("log in: no answer within %v", loginTimeout)
		case m, ok := <-c.stream.in:
			switch {
			case !ok:
				return fmt.Errorf("log in: %w", c.stream.err)
			case m.Is(KeyResponse, "Success"):
				clear(c.pending)
				return nil
			case m.Is(KeyResponse, "Error"):
				return fmt.Errorf("%w: %w", errAuth, LoginError(refusal(ActLogin, m)))
			}
		}
	}
}

// drain handles a message and those that already wait behind it.
func (c *Conn) drain(m *Message, ok bool) error {
	for n := 1; ; n++ {
		if !ok {
			return fmt.Errorf("read AMI: %w", c.stream.err)
		}
		err := c.handle(m)
		c.stream.reuse(m)
		if err != nil || n == cap(c.stream.in) {
			return err
		}
		select {
		case m, ok = <-c.stream.in:
		default:
			return nil
		}
	}
}

// Send sends an action, with values for its fields in their order; h takes the
// answer.
func (c *Conn) Send(a Action, h Handler, values ...string) error {
	c.nextID++
	c.pending[c.nextID] = &pending{Handler: h, action: a}
	// A peer that does not read is as good as gone.
	_ = c.stream.conn.SetWriteDeadline(time.Now().Add(pingTimeout))
	return WriteAction(c.stream.conn, a, c.nextID, values...)
}

// step lets the parts do what is due and returns how long to wait for more.
func (c *Conn) step() (time.Duration, error) {
	wait, err := c.keepAlive()
	if err != nil {
		return wait, err
	}
	now := time.Now()
	until := func(at time.Time) {
		if !at.IsZero() {
			wait = min(wait, at.Sub(now))
		}
	}
	if !c.booted {
		at, err := c.boot.step(now)
		until(at)
		return max(wait, time.Millisecond), err
	}
	if !c.loginAt.IsZero() && !now.Before(c.loginAt) {
		return 0, ErrLoginAgain
	}
	until(c.loginAt)
	for _, p := range c.client.parts {
		at, err := p.Step(now)
		if err != nil {
			return 0, err
		}
		until(at)
	}
	return max(wait, time.Millisecond), nil
}

// handle takes one message: an answer to an action of ours, or an event.
func (c *Conn) handle(m *Message) error {
	if m.Has(KeyActionID) {
		if id, ok := m.Number(KeyActionID); ok {
			if p := c.pending[uint64(id)]; p != nil {
				return c.answer(uint64(id), p, m)
			}
		}
		return nil // an answer that nobody waits for
	}
	if !m.Has(KeyEvent) {
		return nil
	}
	c.client.events.Add(1)
	return c.event(m)
}

// answer takes a message that answers one of our actions.
func (c *Conn) answer(id uint64, p *pending, m *Message) error {
	switch {
	case m.Is(KeyResponse, "Error"):
		delete(c.pending, id)
		return p.Done(m, refusal(p.action, m))
	case m.Has(KeyResponse) && strings.EqualFold(m.Text(KeyEventList), "start"):
		return nil // the list follows
	case m.Has(KeyResponse), m.Is(KeyEventList, "Complete"):
		delete(c.pending, id)
		return p.Done(m, nil)
	case m.Has(KeyEventList) && strings.EqualFold(m.Text(KeyEventList), "cancelled"):
		delete(c.pending, id)
		return p.Done(m, errCancelled)
	}
	if p.rows++; p.rows > MaxRows {
		return fmt.Errorf("read %s of more than %d rows: %w", p.action, MaxRows, ErrLimit)
	}
	return p.Row(m)
}

// event takes an event that answers no action.
func (c *Conn) event(m *Message) error {
	switch {
	case m.Is(KeyEvent, "Shutdown"):
		return errShutdown
	case !c.booted && m.Is(KeyEvent, "FullyBooted"):
		c.client.starts = starts{}
		uptime, ok := m.Number(KeyUptime)
		return c.begin(Boot{Uptime: time.Duration(uptime) * time.Second, Known: ok})
	case !c.booted: // an announcement of what the database holds
		return nil
	case m.Is(KeyEvent, "Reload") && c.lacks: // perhaps of the manager: rights count from the login on
		c.loginAt = time.Now().Add(reloadDelay)
	}
	for _, p := range c.client.parts {
		if err := p.Event(m); err != nil {
			return err
		}
	}
	return nil
}

// reloadDelay lets a reload end before a new login.
const reloadDelay = 500 * time.Millisecond

// begin lets the parts begin.
func (c *Conn) begin(b Boot) error {
	c.booted = true
	c.client.connected.Store(true)
	b.Again = c.client.again
	if b.Known {
		b.Run = c.client.cfg.Now().Add(-b.Uptime).Round(0)
	}
	c.client.report(Status{State: Listing})
	if err := c.Send(ActSettings, HandlerFunc(c.settingsDone)); err != nil {
		return err
	}
	for _, p := range c.client.parts {
		if err := p.Begin(c, b); err != nil {
			return err
		}
	}
	return nil
}

func (c *Conn) settingsDone(m *Message, err error) error {
	if err == nil {
		c.settings = Settings{Known: true, SystemName: m.Text(KeySystemName), Realtime: !m.Is(KeyRealtime, "No")}
		c.client.version, c.client.systemName = m.Text(KeyAsteriskVersion), c.settings.SystemName
	}
	return nil
}

// Settings returns what CoreSettings has said. It was asked before any part
// began, so that lists are answered later.
func (c *Conn) Settings() Settings { return c.settings }

// Report reports a state; Ready and Listing (with an error) are for the part that
// lists.
func (c *Conn) Report(st Status) { c.client.report(st) }

// State returns the state that was reported last.
func (c *Conn) State() State { return c.client.last.State }

// User returns the name of the manager user.
func (c *Conn) User() string { return c.client.cfg.User }

// Say logs a warning once until the connection is lost; what identifies it. A new login
// that finds the same does not say it again.
func (c *Conn) Say(what, msg string, args ...any) {
	if !c.client.said[what] {
		c.client.said[what] = true
		c.client.cfg.Logger.Warn(msg, args...)
	}
}

// Heard returns when Asterisk last sent something.
func (c *Conn) Heard() time.Time { return c.stream.heard() }

// Lack notes that the manager user lacks a right. A reload of Asterisk is then
// followed by a new login.
func (c *Conn) Lack() { c.lacks = true }

// Lacks reports whether Lack was called.
func (c *Conn) Lacks() bool { return c.lacks }

// LoginAgain ends the connection at that time in favour of a new one; zero takes
// that back.
func (c *Conn) LoginAgain(at time.Time) { c.loginAt = at }

// LoginDue returns what LoginAgain was last called with.
func (c *Conn) LoginDue() time.Time { return c.loginAt }

// Offline returns a connection that takes every action and hears nothing but what
// Feed gives it, for tests and benchmarks of parts. If Asterisk has booted, they
// Begin by the caller, otherwise by a FullyBooted.
func Offline(c *Client, booted bool) *Conn {
	out := newConn(c, nowhere{})
	out.booted = booted
	return out
}

// Feed handles the next message of r.
func (c *Conn) Feed(r *Reader) error {
	m := c.stream.blank()
	defer c.stream.reuse(m)
	if err := r.Read(m); err != nil {
		return err
	}
	return c.handle(m)
}

// LastID returns the ActionID of the action sent last.
func (c *Conn) LastID() uint64 { return c.nextID }

// nowhere is a connection that takes everything and sends nothing.
type nowhere struct{ net.Conn }

func (nowhere) Write(b []byte) (int, error)      { return len(b), nil }
func (nowhere) SetWriteDeadline(time.Time) error { return nil }

// Wake lets every part Step soon, see Client.Wake.
func (c *Conn) Wake() { c.client.Wake() }
