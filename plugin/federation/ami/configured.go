package ami

import (
	"time"

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
	// sureAfter suspects that were all gone, the rest of the list is believed.
	sureAfter = 16
	// maxSuspects of one listing are asked for, one after the other.
	maxSuspects = 1000
	// maxGoneLogged of one listing are logged one by one.
	maxGoneLogged = 10
	// strayEvery is how often everything is listed, at most, because the
	// endpoint of a user cannot be found.
	strayEvery = 30 * time.Second
)

// configured is the listing of AORs of one connection.
type configured struct {
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
func (s *session) stray() {
	now := time.Now()
	at := now
	if at.Before(s.configured.strayAt) {
		at = s.configured.strayAt
	}
	s.configured.strayAt = at.Add(strayEvery)
	s.configured.wanted = true
	s.full.want(pjsipOnly, at)
}

// listAORs begins the listing of AORs that is wanted.
func (s *session) listAORs() error {
	c := &s.configured
	if !c.wanted || c.running {
		return nil
	}
	s.users.aorLists++
	c.wanted, c.running = false, true
	c.number, c.suspects, c.asked, c.open, c.kept, c.gone = s.users.aorLists, nil, 0, 0, 0, 0
	return s.send(actAORs, &request{})
}

// aorRow takes one AorList event.
func (s *session) aorRow(m *message) {
	if u := s.users.user(location.AOR(m.get(keyObjectName))); u != nil {
		u.configured = s.configured.number
	}
}

// aorsDone compares the list with the users. One that Asterisk cannot give says
// nothing about them.
func (s *session) aorsDone(listed bool) {
	c := &s.configured
	c.running = false
	if !listed {
		return
	}
	var back []location.AOR
	gone := 0
	for a, u := range s.users.byAOR {
		switch here := u.configured == c.number; {
		case u.gone && here:
			u.gone = false
			back = append(back, a)
		case u.gone && u.listed == s.users.sweeps:
			gone++ // and its contacts have not expired
		case !u.gone && !here && len(u.contacts) > 0:
			c.suspects = append(c.suspects, a)
		}
	}
	s.stats.unconfigured.Store(int64(gone))
	s.askPlanned(back)
	s.askSuspects(sureAfter)
}

// askSuspects asks for suspects until so many were asked for.
func (s *session) askSuspects(upTo int) {
	c := &s.configured
	for c.asked < upTo && len(c.suspects) > 0 {
		a := c.suspects[0]
		c.suspects = c.suspects[1:]
		c.asked++
		c.open++
		s.queue.add(a, true, false)
		s.queue.asks[a].suspect = c.number
	}
}

// suspectDone takes the answer about one suspect of the listing of that number.
func (s *session) suspectDone(a location.AOR, number uint32, gone bool) {
	c := &s.configured
	if gone {
		s.forget(a)
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
			s.forget(a)
		}
		c.suspects = nil
	default:
		s.askSuspects(min(maxSuspects, c.asked+sureAfter))
	}
	if c.open == 0 && c.gone > maxGoneLogged {
		s.cfg.Logger.Info("AORs are no longer configured in Asterisk; their contacts are withdrawn", "aors", c.gone)
	}
}

// forget withdraws the contacts of an AOR that is not configured any more, until
// a listing of AORs or a REGISTER shows it again.
func (s *session) forget(a location.AOR) {
	u := s.users.user(a)
	if u == nil || u.gone {
		return
	}
	u.gone, u.contacts, u.due = true, u.room[:0], time.Time{}
	delete(s.users.again, u)
	s.stats.unconfigured.Add(1)
	if s.configured.gone++; s.configured.gone <= maxGoneLogged {
		s.cfg.Logger.Info("AOR is no longer configured in Asterisk; its contacts are withdrawn", "aor", string(a))
	}
	s.cfg.Registrar.ListedAOR(a, location.PJSIP, nil)
}
