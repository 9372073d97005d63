package ami

import (
	"time"

	"github.com/asterfed/asterfed/zone/location"
)

// Abreast says up to when a Registrar knew everything that one run of Asterisk
// had registered. A contact that is listed by the same run later, and is not
// known, was registered since (docs/decisions/140). The zero value proves
// nothing.
type Abreast struct {
	Run time.Time // when Asterisk started
	// Mark is what Config.Mark returned then. This package compares it with
	// nothing.
	Mark location.Stamp
}

const (
	// markEvery is how often it is noted how far the Registrar is.
	markEvery = time.Second
	// sameRun is how far two reckonings of the start of one run lie apart:
	// Asterisk tells its uptime in whole seconds. A run that was followed at
	// all was longer.
	sameRun = 2 * time.Second
)

// noted is a mark that is not good yet: events of before may be on their way.
type noted struct {
	at   time.Time
	mark location.Stamp
}

// follows reports whether the proof is for the run that started at run.
func (a Abreast) follows(run time.Time) bool {
	d := run.Sub(a.Run)
	return !run.IsZero() && !a.Run.IsZero() && max(d, -d) <= sameRun
}

// begun notes which run of Asterisk the connection is to, and what is proved
// of it.
func (s *session) begun(uptime int64, ok bool) {
	s.marks = nil
	var run time.Time
	if ok {
		run = s.cfg.Now().Add(-time.Duration(uptime) * time.Second).Round(0)
	}
	if !s.abreast.follows(run) {
		s.abreast = Abreast{Run: run}
		s.refreshes = refreshes{} // a started Asterisk is registered nowhere
		clear(s.users.bare)
		s.users.peers = [len(lists)]peers{}
	}
	s.since = s.abreast.Mark
}

// stepMarks notes how far the Registrar is, and takes an earlier note for good
// once Asterisk was heard so much later that no event of before can be missing.
func (s *session) stepMarks(now time.Time) {
	if s.cfg.Mark == nil || s.abreast.Run.IsZero() || s.last.State != Ready {
		return
	}
	heard := s.began.Add(time.Duration(s.lastRead.Load()))
	settled := 0
	for settled < len(s.marks) && heard.Sub(s.marks[settled].at) >= freshFor {
		settled++
	}
	if settled > 0 {
		s.abreast.Mark = s.marks[settled-1].mark
		s.marks = append(s.marks[:0], s.marks[settled:]...)
		if s.cfg.Keep != nil {
			s.cfg.Keep(s.abreast)
		}
	}
	busy := s.initial || s.full.inFlight() || len(s.queue.waiting) > 0
	if n := len(s.marks); !busy && (n == 0 || now.Sub(s.marks[n-1].at) >= markEvery) {
		s.marks = append(s.marks, noted{now, s.cfg.Mark()})
	}
}

// proves returns the mark that a contact of the first listing of a connection
// was registered after, if the Registrar does not know it.
func (s *session) proves(c *location.Contact) location.Stamp {
	switch {
	case s.full.delivered[c.Kind]: // not the first: events told of all since
	case s.users.denied[c.AOR]: // not passed on before, and so not known
	case c.Kind != location.PJSIP && !s.users.bare[c.AOR]:
		// A peer of a database, with the address that it had once, is listed
		// when somebody calls it. One that was listed without an address has
		// registered since.
	default:
		return s.since
	}
	return 0
}
