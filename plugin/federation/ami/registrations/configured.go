package registrations

import (
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami"
	"github.com/asterfed/asterfed/zone/location"
)

// Asterisk keeps and lists a contact until it expires, even if its AOR has been
// deleted from the configuration since: calls to it fail. So the AORs are listed
// too, whenever the configuration may have changed: after the first listing of
// contacts in a connection, after a reload, and with the slow listing.
//
// An AOR that PJSIPShowAors lacks is only suspected. A realtime database may
// refuse to list all its AORs (allow_unqualified_fetch in sorcery.conf) and
// still know each. So PJSIPShowEndpoint is asked for the endpoint that
// registered; if there is none, or it has not the AOR, the AOR is gone. An
// endpoint that is missing proves nothing alone, since one may be renamed.
const (
	// SureAfter suspects that were all gone, the rest of the list is believed.
	SureAfter = 16
	// MaxSuspects of one listing are asked for, one after the other.
	MaxSuspects = 1000
	// maxGoneLogged of one listing are logged one by one.
	maxGoneLogged = 10
	// strayEvery is how often everything is listed, at most, because the
	// endpoint of a user cannot be found.
	strayEvery = 30 * time.Second
)

// configured is the listing of AORs of one connection.
type configured struct {
	f        *follower
	wanted   bool // with the next full listing of contacts
	running  bool
	number   uint32         // of the last listing
	suspects []location.AOR // to be asked for
	asked    int            // suspects that were asked for
	open     int            // of them, those that have not been answered
	kept     int            // of them, those that are configured
	gone     int
	strayAt  time.Time // when a missing endpoint may ask for a full listing again
}

// stray asks for a full listing because the endpoint of an AOR is missing.
func (c *configured) stray() {
	at := time.Now()
	if at.Before(c.strayAt) {
		at = c.strayAt
	}
	c.strayAt = at.Add(strayEvery)
	c.wanted = true
	c.f.full.want(pjsipOnly, at)
}

// list begins the listing of AORs that is wanted.
func (c *configured) list() error {
	if !c.wanted || c.running {
		return nil
	}
	c.f.users.aorLists++
	c.wanted, c.running = false, true
	c.number, c.suspects, c.asked, c.open, c.kept, c.gone = c.f.users.aorLists, nil, 0, 0, 0, 0
	return c.f.conn.Send(ami.ActAORs, c)
}

// Patience implements ami.Patient.
func (c *configured) Patience() time.Duration { return listTimeout }

// Row takes one AorList event.
func (c *configured) Row(m *ami.Message) error {
	if u := c.f.users.user(location.AOR(m.Get(ami.KeyObjectName))); u != nil {
		u.configured = c.number
	}
	return nil
}

// Done compares the list with the users. One that Asterisk cannot give says
// nothing about them.
func (c *configured) Done(_ *ami.Message, err error) error {
	c.running = false
	if err == nil || ami.Empty(err) {
		c.compare()
	}
	return nil
}

func (c *configured) compare() {
	f := c.f
	var back []location.AOR
	gone := 0
	for a, u := range f.users.byAOR {
		switch here := u.configured == c.number; {
		case u.gone && here:
			u.gone = false
			back = append(back, a)
		case u.gone && u.listed == f.users.sweeps:
			gone++ // and its contacts have not expired
		case !u.gone && !here && len(u.contacts) > 0:
			c.suspects = append(c.suspects, a)
		}
	}
	f.stats.unconfigured.Store(int64(gone))
	f.askPlanned(back)
	c.ask(SureAfter)
}

// ask asks for suspects until so many were asked for.
func (c *configured) ask(upTo int) {
	for c.asked < upTo && len(c.suspects) > 0 {
		a := c.suspects[0]
		c.suspects = c.suspects[1:]
		c.asked++
		c.open++
		c.f.queue.add(a, true, false)
		c.f.queue.asks[a].suspect = c.number
	}
}

// answered takes the answer about one suspect of the listing of that number.
func (c *configured) answered(a location.AOR, number uint32, gone bool) {
	if gone {
		c.forget(a)
	}
	if number != c.number {
		return
	}
	c.open--
	if !gone {
		c.kept++
	}
	switch {
	case c.open > 0 || len(c.suspects) == 0:
	case c.kept == 0:
		for _, a := range c.suspects {
			c.forget(a)
		}
		c.suspects = nil
	default:
		c.ask(min(MaxSuspects, c.asked+SureAfter))
	}
	if c.open == 0 && c.gone > maxGoneLogged {
		c.f.cfg.Logger.Info("AORs are no longer configured in Asterisk; their contacts are withdrawn", "aors", c.gone)
	}
}

// forget withdraws the contacts of an AOR that is not configured any more, until
// a listing of AORs or a REGISTER shows it again.
func (c *configured) forget(a location.AOR) {
	f := c.f
	u := f.users.user(a)
	if u == nil || u.gone {
		return
	}
	u.gone, u.contacts, u.due = true, u.room[:0], time.Time{}
	delete(f.users.again, u)
	f.stats.unconfigured.Add(1)
	if c.gone++; c.gone <= maxGoneLogged {
		f.cfg.Logger.Info("AOR is no longer configured in Asterisk; its contacts are withdrawn", "aor", string(a))
	}
	f.cfg.Listener.ListedAOR(a, location.PJSIP, nil)
}
