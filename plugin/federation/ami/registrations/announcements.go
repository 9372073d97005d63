package registrations

import (
	"time"
)

const (
	// pollEvery is how often everything is listed if events do not arrive.
	pollEvery = 10 * time.Second
	// rightsEvery is how often a Client logs in again to find out whether they
	// arrive by now.
	rightsEvery = 30 * time.Second
	maxUnheard  = 16
)

// announcements finds out whether Asterisk announces registrations. An
// eventfilter of the manager user may exclude ContactStatus, and read=system may
// be missing.
type announcements struct {
	f       *follower
	one     bool      // a registration has been announced
	missing []unheard // oldest first
}

// unheard is a contact that a listing shows and no event has announced.
type unheard struct {
	key contactKey
	at  time.Time
}

// miss notes such a contact. Its announcement may be on its way.
func (a *announcements) miss(k contactKey) {
	if len(a.missing) < maxUnheard && !a.f.deaf {
		a.missing = append(a.missing, unheard{k, time.Now()})
	}
}

// hear notes an announcement.
func (a *announcements) hear(k contactKey) {
	f := a.f
	if f.deaf {
		f.deaf = false
		f.conn.LoginAgain(time.Time{})
		f.cfg.Logger.Info("Asterisk announces registrations again")
	}
	if !a.one {
		a.one = true
		f.full.relist = f.full.started.Add(f.cfg.Relist)
	}
	for i, u := range a.missing {
		if u.key == k {
			a.missing = append(a.missing[:i], a.missing[i+1:]...)
			return
		}
	}
}

func (a *announcements) wakeAt() time.Time {
	if len(a.missing) == 0 {
		return time.Time{}
	}
	return a.missing[0].at.Add(freshFor)
}

// step finds out that an announcement does not come.
func (a *announcements) step(now time.Time) {
	if len(a.missing) == 0 || now.Sub(a.missing[0].at) < freshFor {
		return
	}
	a.f.cfg.Logger.Warn("Asterisk does not announce registrations: an eventfilter of the manager user in manager.conf hides ContactStatus; registrations are listed instead",
		"user", a.f.conn.User(), "not_announced", a.missing[0].key.uri, "every", pollEvery)
	a.goDeaf(now)
}

// goDeaf goes on without events: everything is listed every pollEvery, and every
// rightsEvery a new login finds out whether events arrive by now.
func (a *announcements) goDeaf(now time.Time) {
	f := a.f
	f.deaf, a.missing = true, nil
	f.conn.LoginAgain(now.Add(rightsEvery))
	f.full.want(allTechs, now.Add(pollEvery))
}

// relistAfter is the time to the next full listing.
func (a *announcements) relistAfter() time.Duration {
	switch f := a.f; {
	case f.deaf:
		return min(pollEvery, f.cfg.Relist)
	case !a.one:
		return min(f.cfg.FirstRelist<<min(f.full.number, 10), f.cfg.Relist)
	}
	return a.f.cfg.Relist
}
