package ami

import (
	"errors"
	"time"
)

// How a Client learns that Asterisk has started. Asterisk sends the event
// FullyBooted, but an eventfilter of the manager user may hide it. It also
// answers each login with that event once it has started, and no filter hides
// that one. So a Client logs in again until it has heard FullyBooted. Without
// read=system it never will: then lists that are answered have to do.
const (
	// loginAgain is how long the first login waits for FullyBooted. Every
	// further one waits twice as long, up to maxLoginAgain.
	loginAgain    = time.Second
	maxLoginAgain = 5 * time.Second
	// silentLogins is after how many logins in a row, which all found that
	// lists are answered, Asterisk is taken to have started.
	silentLogins = 3
	// bootHint is when to say that Asterisk is still not up.
	bootHint = 30 * time.Second
)

// ErrLoginAgain ends a connection in favour of a new one: Asterisk looks at the
// rights and filters of a manager user at the login only.
var ErrLoginAgain = errors.New("log in again")

// bootWatch is what a connection knows of the start of Asterisk, before it has
// heard FullyBooted.
type bootWatch struct {
	conn   *Conn
	at     time.Time // when to log in again
	loaded bool      // Asterisk answers lists
}

// starts is what a Client remembers of it over connections.
type starts struct {
	waiting time.Time // since when FullyBooted is awaited, zero if it is not
	logins  int       // without FullyBooted, in a row
	silent  int       // of them, those that found lists answered
	hinted  bool      // that it takes long was logged
}

// await runs after a login. Its filter adds to those of the manager user:
// what it includes is heard, whatever they include. It does not undo those that
// exclude.
func (b *bootWatch) await(now time.Time) error {
	s := &b.conn.client.starts
	if s.waiting.IsZero() {
		s.waiting = now
	}
	b.at = now.Add(min(maxLoginAgain, loginAgain<<min(s.logins, 3)))
	s.logins++
	return b.conn.Send(ActFilter, HandlerFunc(func(*Message, error) error {
		if b.conn.booted {
			return nil
		}
		return b.probe() // FullyBooted would have come before this answer
	}), "Add", ownEvents)
}

// step returns when there is more to do, or ErrLoginAgain.
func (b *bootWatch) step(now time.Time) (time.Time, error) {
	if !now.Before(b.at) {
		return now, ErrLoginAgain
	}
	if s := &b.conn.client.starts; !s.hinted && now.Sub(s.waiting) >= bootHint {
		s.hinted = true
		b.conn.client.cfg.Logger.Warn("Asterisk has not finished starting; what it last listed stays published", "for", bootHint)
	}
	return b.at, nil
}

// probe asks whether lists are answered already. What they list does not matter.
func (b *bootWatch) probe() error {
	for _, a := range [...]struct {
		Action
		values []string
	}{{ActEndpoint, []string{"-"}}, {ActSIPPeers, nil}, {ActIAXPeerlist, nil}} {
		if err := b.conn.Send(a.Action, HandlerFunc(b.probed), a.values...); err != nil {
			return err
		}
	}
	return nil
}

// probed takes the answer to a probe.
func (b *bootWatch) probed(_ *Message, err error) error {
	c := b.conn
	if c.booted || b.loaded || Unknown(err) {
		return nil
	}
	b.loaded = true
	s := &c.client.starts
	if s.silent++; s.silent < silentLogins {
		return nil
	}
	if s.silent == silentLogins {
		c.client.cfg.Logger.Warn("Asterisk sends no events: the manager user needs read=system in manager.conf; registrations are listed instead",
			"user", c.User(), "missing", "read=system")
	}
	s.waiting = time.Time{}
	return c.begin(Boot{Silent: true})
}
