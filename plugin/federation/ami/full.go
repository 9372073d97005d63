package ami

import (
	"time"

	"github.com/asterfed/asterfed/zone/location"
)

// techs is a set of technologies.
type techs uint8

const (
	pjsipOnly techs = 1 << location.PJSIP
	allTechs  techs = 1<<location.PJSIP | 1<<location.SIP | 1<<location.IAX2
)

// lists gives each technology its action.
var lists = [...]action{location.PJSIP: actContacts, location.SIP: actSIPPeers, location.IAX2: actIAXPeerlist}

const (
	// dutyFactor keeps full listings to a tenth of the time.
	dutyFactor = 9
	// againDelay is before a list is taken again that shrank suspiciously.
	againDelay = 300 * time.Millisecond
	// rightsDelay is from a list that Asterisk refused to the login that tries
	// again.
	rightsDelay = 10 * time.Second
)

// fullListing is the state of the full listings of one connection.
type fullListing struct {
	wanted  techs
	at      time.Time // when wanted
	allowed time.Time // when the duty permits the next one
	relist  time.Time // when the slow timer wants one

	number    uint64 // of the last one sent
	started   time.Time
	running   [len(lists)]*request
	delivered [len(lists)]bool // a listing of this connection was passed on
	absent    [len(lists)]bool // no loaded module has the technology
	again     [len(lists)]bool // listed again because it shrank
	againAt   time.Time        // when to send those, zero if none waits
	refused   [len(lists)]error
	// notes are the events since the listing was sent: the list may be older
	// or newer than they are.
	notes []note
}

// note is an event that came while a full listing was under way.
type note struct {
	aor     location.AOR
	tech    location.Kind
	uri     string // empty: every contact of the AOR
	removed bool
}

func (f *fullListing) reset() { *f = fullListing{} }

func (f *fullListing) inFlight() bool {
	for _, r := range f.running {
		if r != nil {
			return true
		}
	}
	return false
}

// want asks for a full listing no later than at, duty permitting.
func (f *fullListing) want(t techs, at time.Time) {
	if f.wanted == 0 || at.Before(f.at) {
		f.at = at
	}
	f.wanted |= t
}

func (f *fullListing) note(n note) {
	if f.running[n.tech] != nil {
		f.notes = append(f.notes, n)
	}
}

// wakeAt returns when the next listing is to be sent, zero while one is under
// way.
func (f *fullListing) wakeAt() time.Time {
	if f.inFlight() {
		return f.againAt
	}
	at := f.relist
	if f.wanted != 0 && (at.IsZero() || f.at.Before(at)) {
		at = f.at
	}
	if at.Before(f.allowed) {
		at = f.allowed
	}
	return at
}

// stepFull sends the listings that are due.
func (s *session) stepFull(now time.Time) error {
	f := &s.full
	if !f.againAt.IsZero() && !now.Before(f.againAt) {
		return s.listAgain(now)
	}
	if f.inFlight() || f.wanted == 0 && f.relist.IsZero() || now.Before(f.wakeAt()) {
		return nil
	}
	if s.lacks && !s.deaf && !f.relist.IsZero() && !now.Before(f.relist) {
		return errLoginAgain // which lists everything, too
	}
	what := f.wanted
	if !f.relist.IsZero() && !now.Before(f.relist) || s.last.State != Ready {
		what = allTechs
		s.configured.wanted = true
	}
	f.wanted, f.relist = 0, now.Add(s.relistAfter())
	f.started, f.notes = now, nil
	f.number++
	for t := location.PJSIP; t <= location.IAX2; t++ {
		if what&(1<<t) == 0 || f.absent[t] {
			continue
		}
		if err := s.sendList(t); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) sendList(t location.Kind) error {
	r := &request{tech: t}
	s.users.peers[t].begin()
	s.full.running[t] = r
	return s.send(lists[t], r)
}

// listAgain sends the listings that shrank once more.
func (s *session) listAgain(now time.Time) error {
	s.full.againAt, s.full.started = time.Time{}, now
	for t, again := range s.full.again {
		if again && s.full.running[t] != nil {
			if err := s.sendList(location.Kind(t)); err != nil {
				return err
			}
		}
	}
	return nil
}

// listDone ends the listing of one technology and, with the last one, the
// whole.
func (s *session) listDone(r *request, err error) error {
	f := &s.full
	t := r.tech
	switch {
	case err != nil:
		s.refusedList(t, err)
	case f.absent[t]:
	case s.shrank(r):
		return nil // running stays set until it was listed again
	case t == location.PJSIP:
		f.running[t] = nil // what the delivery asks for may be sent
		s.deliverPJSIP(r)
		f.delivered[t] = true
		if err := s.listAORs(); err != nil {
			return err
		}
	default:
		s.deliverPeers(r)
		f.delivered[t] = true
	}
	f.running[t], f.again[t] = nil, false
	if err == nil {
		f.refused[t] = nil
		s.initial = s.initial && t != location.PJSIP
	}
	if f.inFlight() {
		return nil
	}
	now := time.Now()
	f.allowed = now.Add(dutyFactor * now.Sub(f.started))
	f.notes = nil
	return s.fullDone()
}

// fullDone reports the first complete listing of a connection.
func (s *session) fullDone() error {
	for _, err := range s.full.refused {
		if err != nil {
			return nil // until the next login
		}
	}
	if s.last.State != Ready {
		s.status(Status{State: Ready})
	}
	return nil
}

// refusedList keeps what was listed before and says so once.
func (s *session) refusedList(t location.Kind, err error) {
	s.stats.refusals.Add(1)
	news := s.full.refused[t] == nil
	if s.rightsAt.IsZero() { // the manager user may be given the right
		s.rightsAt = time.Now().Add(rightsDelay)
	}
	s.full.refused[t] = err
	if !news {
		return
	}
	if !s.again {
		s.say("write=system", "Asterisk refuses a listing; the manager user needs write=system in manager.conf", "user", s.cfg.User, "err", err)
	}
	if s.last.State != Ready {
		s.status(Status{State: Listing, Err: err})
	}
}
