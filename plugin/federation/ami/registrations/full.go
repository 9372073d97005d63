package registrations

import (
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami"
	"github.com/asterfed/asterfed/zone/location"
)

// techs is a set of technologies.
type techs uint8

const (
	pjsipOnly techs = 1 << location.PJSIP
	allTechs  techs = 1<<location.PJSIP | 1<<location.SIP | 1<<location.IAX2
)

// kinds is the number of technologies.
const kinds = location.IAX2 + 1

// lists gives each technology its action.
var lists = [kinds]ami.Action{location.PJSIP: ami.ActContacts, location.SIP: ami.ActSIPPeers, location.IAX2: ami.ActIAXPeerlist}

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
	running   [kinds]bool
	delivered [kinds]bool // a listing of this connection was passed on
	absent    [kinds]bool // no loaded module has the technology
	again     [kinds]bool // listed again because it shrank
	againAt   time.Time   // when to send those, zero if none waits
	refused   [kinds]bool
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

func (f *fullListing) inFlight() bool { return f.running != [kinds]bool{} }

// want asks for a full listing no later than at, duty permitting.
func (f *fullListing) want(t techs, at time.Time) {
	if f.wanted == 0 || at.Before(f.at) {
		f.at = at
	}
	f.wanted |= t
}

func (f *fullListing) note(n note) {
	if f.running[n.tech] {
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
func (f *follower) stepFull(now time.Time) error {
	l := &f.full
	if !l.againAt.IsZero() && !now.Before(l.againAt) {
		return f.listAgain(now)
	}
	if l.inFlight() || l.wanted == 0 && l.relist.IsZero() || now.Before(l.wakeAt()) {
		return nil
	}
	slow := !l.relist.IsZero() && !now.Before(l.relist)
	if slow && f.conn.Lacks() && !f.deaf {
		return ami.ErrLoginAgain // which lists everything, too
	}
	what := l.wanted
	if slow || f.conn.State() != ami.Ready {
		what = allTechs
		f.configured.wanted = true
	}
	l.wanted, l.relist = 0, now.Add(f.heard.relistAfter())
	l.started, l.notes = now, nil
	l.number++
	for t := location.PJSIP; t < kinds; t++ {
		if what&(1<<t) == 0 || l.absent[t] {
			continue
		}
		if err := f.sendList(t); err != nil {
			return err
		}
	}
	return nil
}

func (f *follower) sendList(t location.Kind) error {
	f.full.running[t] = true
	if t == location.PJSIP {
		return f.conn.Send(lists[t], &contactList{f: f})
	}
	f.users.peers[t].begin()
	return f.conn.Send(lists[t], &peerList{f: f, tech: t})
}

// listAgain sends the listings that shrank once more.
func (f *follower) listAgain(now time.Time) error {
	f.full.againAt, f.full.started = time.Time{}, now
	for t, again := range f.full.again {
		if again && f.full.running[t] {
			if err := f.sendList(location.Kind(t)); err != nil {
				return err
			}
		}
	}
	return nil
}

// patience is how long Asterisk may collect a full listing without a word: in
// proportion to the last one, so that one that hangs is not taken for busy. The
// first listing of a connection has no measure.
func (f *follower) patience() time.Duration {
	if f.initial {
		return listTimeout
	}
	n := 0
	for _, size := range f.users.size {
		n += size
	}
	return min(listTimeout, listFirst+time.Duration(n)*listEach)
}

const (
	listTimeout = 30 * time.Second
	listFirst   = 3 * time.Second
	listEach    = time.Millisecond // for each contact
)

// shrank asks for a list again that lost more than half of its contacts, and
// more than ten: rather a database that is not there yet than a mass
// unregistration. N is the number of contacts of the list.
func (f *follower) shrank(t location.Kind, n int) bool {
	before := f.users.size[t]
	if !f.users.sized[t] && f.cfg.Held != nil {
		before = f.cfg.Held(t)
	}
	if f.full.again[t] || 2*n >= before || before-n <= 10 {
		f.users.size[t], f.users.sized[t] = n, true
		return false
	}
	f.cfg.Logger.Warn("list shrank by more than half; listing again", "tech", t.String(), "before", before, "now", n)
	f.full.again[t] = true
	f.full.againAt = time.Now().Add(againDelay)
	return true
}

// listDone ends the listing of one technology, of n contacts, and, with the last
// one, the whole.
func (f *follower) listDone(t location.Kind, err error, n int, deliver func()) error {
	l := &f.full
	failed := err != nil && !ami.Empty(err) && !ami.Unknown(err)
	switch {
	case failed:
		f.refusedList(t, err)
	case ami.Unknown(err):
		l.absent[t] = true
	case f.shrank(t, n):
		return nil // running stays set until it was listed again
	default:
		l.running[t] = false // what the delivery asks for may be sent
		deliver()
		l.delivered[t] = true
	}
	l.running[t], l.again[t] = false, false
	if !failed {
		l.refused[t] = false
		f.initial = f.initial && t != location.PJSIP
	}
	if t == location.PJSIP && (err == nil || ami.Empty(err)) {
		if err := f.configured.list(); err != nil {
			return err
		}
	}
	if l.inFlight() {
		return nil
	}
	now := time.Now()
	l.allowed = now.Add(dutyFactor * now.Sub(l.started))
	l.notes = nil
	if l.refused == [kinds]bool{} && f.conn.State() != ami.Ready {
		f.conn.Report(ami.Status{State: ami.Ready})
	}
	return nil
}

// refusedList keeps what was listed before and says so once. The next login asks
// again: the manager user may have been given the right.
func (f *follower) refusedList(t location.Kind, err error) {
	f.stats.refusals.Add(1)
	first := !f.full.refused[t]
	f.full.refused[t] = true
	if f.conn.LoginDue().IsZero() {
		f.conn.LoginAgain(time.Now().Add(rightsDelay))
	}
	if !first {
		return
	}
	if !f.again {
		f.conn.Say("write=system", "Asterisk refuses a listing; the manager user needs write=system in manager.conf", "user", f.conn.User(), "err", err)
	}
	if f.conn.State() != ami.Ready {
		f.conn.Report(ami.Status{State: ami.Listing, Err: err})
	}
}
