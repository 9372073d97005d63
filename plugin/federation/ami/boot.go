package ami

import (
	"errors"
	"time"
)

// How a Source learns that Asterisk has started. Asterisk sends the event
// FullyBooted, but an eventfilter of the manager user may hide it. It also
// answers each login with that event once it has started, and no filter hides
// that one. So a Source logs in again until it has heard FullyBooted. Without
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
	// pollEvery is how often everything is listed if events do not arrive.
	pollEvery = 10 * time.Second
	// rightsEvery is how often a Source logs in again to find out whether the
	// manager user has been given what it lacks.
	rightsEvery = 30 * time.Second
)

// errLoginAgain ends a connection in favour of a new one: Asterisk looks at the
// rights and filters of a manager user at the login only.
var errLoginAgain = errors.New("log in again")

// bootWatch is what a connection knows of the start of Asterisk, before it has
// heard FullyBooted.
type bootWatch struct {
	at     time.Time // when to log in again
	probed bool      // Asterisk was asked whether it answers lists
	loaded bool      // and it does
}

// starts is what a Source remembers of it over connections.
type starts struct {
	waiting time.Time // since when FullyBooted is awaited, zero if it is not
	logins  int       // without FullyBooted, in a row
	silent  int       // of them, those that found lists answered
	hinted  bool      // that it takes long was logged
}

// awaitBoot runs after a login.
func (s *session) awaitBoot(now time.Time) {
	if s.starts.waiting.IsZero() {
		s.starts.waiting = now
	}
	s.boot.at = now.Add(min(maxLoginAgain, loginAgain<<min(s.starts.logins, 3)))
	s.starts.logins++
}

// stepBoot returns when there is more to do, or errLoginAgain.
func (s *session) stepBoot(now time.Time) (time.Time, error) {
	if !now.Before(s.boot.at) {
		return now, errLoginAgain
	}
	if !s.starts.hinted && now.Sub(s.starts.waiting) >= bootHint {
		s.starts.hinted = true
		s.cfg.Logger.Warn("Asterisk has not finished starting; what it last listed stays published", "for", bootHint)
	}
	return s.boot.at, nil
}

// probe asks, when the login was answered without FullyBooted, whether lists
// are answered already. The lists themselves do not matter.
func (s *session) probe() error {
	s.boot.probed = true
	for _, a := range [...]struct {
		action
		values []string
	}{{actEndpoint, []string{"-"}}, {actSIPPeers, nil}, {actIAXPeerlist, nil}} {
		if err := s.send(a.action, &request{probe: true}, a.values...); err != nil {
			return err
		}
	}
	return nil
}

// probeAnswer takes a message that answers a probe.
func (s *session) probeAnswer(id uint64, m *message) error {
	switch {
	case m.is(keyResponse, "Error"):
		delete(s.pending, id)
	case m.is(keyEventList, "Complete"):
		delete(s.pending, id)
		return nil
	case m.has&(1<<keyResponse) == 0:
		return nil
	}
	if s.booted || s.boot.loaded || unknownAction(m) {
		return nil
	}
	s.boot.loaded = true
	if s.starts.silent++; s.starts.silent < silentLogins {
		return nil
	}
	if !s.deaf {
		s.cfg.Logger.Warn("Asterisk sends no events: the manager user needs read=system in manager.conf; registrations are listed instead",
			"user", s.cfg.User, "missing", "read=system", "every", pollEvery)
	}
	s.starts.waiting = time.Time{}
	s.goDeaf(time.Now())
	return s.fullyBooted(0, false)
}

// unheard notes a contact that a listing shows and no event announced.
type unheard struct {
	key contactKey
	at  time.Time
}

const maxUnheard = 16

// noteUnheard notes a contact whose announcement is missing. One may be on its
// way.
func (s *session) noteUnheard(k contactKey) {
	if len(s.unheard) < maxUnheard && !s.deaf {
		s.unheard = append(s.unheard, unheard{k, time.Now()})
	}
}

// goDeaf goes on without events: everything is listed every pollEvery, and every
// rightsEvery a new login finds out whether events arrive by now.
func (s *session) goDeaf(now time.Time) {
	s.deaf, s.unheard = true, nil
	s.rightsAt = now.Add(rightsEvery)
	s.full.want(allTechs, now.Add(pollEvery))
}

// heardOf notes an announcement.
func (s *session) heardOf(k contactKey) {
	if s.deaf {
		s.deaf, s.rightsAt = false, time.Time{}
		s.cfg.Logger.Info("Asterisk announces registrations again")
	}
	if !s.announces {
		s.announces = true
		s.full.relist = s.full.started.Add(s.cfg.Relist)
	}
	for i, u := range s.unheard {
		if u.key == k {
			s.unheard = append(s.unheard[:i], s.unheard[i+1:]...)
			return
		}
	}
}

// stepUnheard finds out that Asterisk does not announce registrations.
func (s *session) stepUnheard(now time.Time) {
	for _, u := range s.unheard {
		if now.Sub(u.at) < freshFor {
			continue
		}
		s.cfg.Logger.Warn("Asterisk does not announce registrations: an eventfilter of the manager user in manager.conf hides ContactStatus; registrations are listed instead",
			"user", s.cfg.User, "not_announced", u.key.uri, "every", pollEvery)
		s.goDeaf(now)
		return
	}
}

// relistAfter is the time to the next full listing.
func (s *session) relistAfter() time.Duration {
	switch {
	case s.deaf:
		return min(pollEvery, s.cfg.Relist)
	case !s.announces:
		return min(s.cfg.FirstRelist<<min(s.full.number, 10), s.cfg.Relist)
	}
	return s.cfg.Relist
}
