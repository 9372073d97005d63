package chaos

import (
	"time"

	"github.com/miekg/dns"
)

// answer is what a node said about a user.
type answer struct {
	node, user int
	sent       time.Time
	rcode      int
	home       int // of the best record, nowhere for NXDOMAIN
}

// verdict is how an answer compares with the truth.
type verdict int

// The verdicts. Only wrong, dead, missing and outranked have a budget.
const (
	right      verdict = iota
	overtaken          // the user moved while the question was under way
	servfail           // the asker's resolver goes to the next server
	stale              // registered nowhere; names an Asterisk that still lists an old contact
	wrong              // names another home than the last one, which can be reached
	dead               // names the last home, which cannot be reached
	missing            // no home, though the last one can be reached
	outranked          // names an older home, while the last one's federator is silent
	unheard            // the last REGISTER came while no federator listened, and no listing proves it: until the next refresh
	unknowable         // the news have no way to this node
	verdicts
)

var verdictNames = [verdicts]string{"right", "overtaken", "servfail", "stale", "wrong", "dead", "missing",
	"outranked", "unheard", "unknowable"}

// The budgets. A verdict older than its budget fails the run.
const (
	afterMove  = 3 * time.Second
	afterFault = 8 * time.Second
	missLimit  = 3 * time.Second
	hangLimit  = 12 * time.Second // a connection that stays open, but silent, is given up after 8 s
	rejoin     = 3 * time.Second  // of a federator after its start
)

// judge holds an answer against the truth. The age tells for how long the
// answer could have been right already; limit is the budget for it, and cause
// the fault that explains it, if there is one. The world is locked.
func (w *world) judge(a answer) (v verdict, age, limit time.Duration, cause *outage) {
	u := w.users[a.user]
	switch {
	case w.blurred > 0 || u.since.After(a.sent) || w.lastFault.After(a.sent):
		return overtaken, 0, 0, nil
	case a.rcode == dns.RcodeServerFailure:
		return servfail, 0, 0, nil
	case u.home == a.home && u.home == nowhere:
		return right, 0, 0, nil
	case u.home == nowhere:
		return w.stranger(a, u)
	}
	l := &w.links[a.node][u.home]
	switch {
	case a.home == u.home && l.usable:
		return right, 0, 0, nil
	case a.home == u.home:
		limit = afterFault
		if w.health[u.home].hung {
			limit = hangLimit
		}
		return dead, a.sent.Sub(latest(l.usableSince, u.since)), limit, l.cause
	case !l.usable && a.home == nowhere:
		return right, 0, 0, nil
	case !l.usable:
		return w.stranger(a, u)
	case !u.heard:
		return unheard, a.sent.Sub(u.since), 0, l.cause
	case a.home == nowhere:
		return w.absent(a, u, l)
	}
	if h := w.health[u.home]; !h.fed || a.sent.Sub(h.fedSince) < rejoin {
		base := latest(u.since, u.heardAt, l.infoUntil, l.usableSince)
		switch {
		case h.fed: // it is back, and catches up
			return outranked, a.sent.Sub(base), 0, l.cause
		case !w.knew(a.node, u, l):
			return unknowable, 0, 0, l.cause
		}
		return outranked, a.sent.Sub(base), afterFault, l.cause
	}
	if !l.info {
		return unknowable, 0, 0, l.cause
	}
	return late(a, wrong, u, l)
}

// stranger judges an answer that names another home than the last one, which
// is nowhere or cannot be reached.
func (w *world) stranger(a answer, u *user) (verdict, time.Duration, time.Duration, *outage) {
	if _, listed := u.held[a.home]; listed {
		if u.home == nowhere {
			return stale, a.sent.Sub(u.since), 0, nil
		}
		return right, 0, 0, nil
	}
	if a.home < 0 {
		return wrong, a.sent.Sub(u.since), 0, nil
	}
	// Naming the old home was right until its Asterisk dropped the contact.
	if gone := u.unlisted[a.home]; gone.After(a.sent) {
		return overtaken, 0, 0, nil
	} else if age := a.sent.Sub(gone); age < afterMove {
		return wrong, age, afterMove, nil
	}
	l := &w.links[a.node][a.home]
	if !l.info {
		return unknowable, 0, 0, l.cause
	}
	return late(a, wrong, u, l)
}

// late gives a wrong answer its age and its budget.
func late(a answer, v verdict, u *user, l *link) (verdict, time.Duration, time.Duration, *outage) {
	base := latest(u.since, u.heardAt, l.infoSince, l.usableSince)
	if base == u.since {
		return v, a.sent.Sub(base), afterMove, nil
	}
	return v, a.sent.Sub(base), afterFault, l.cause
}

// absent judges NXDOMAIN for a user whose home can be reached. Who was known
// before news stopped must be known still.
func (w *world) absent(a answer, u *user, l *link) (verdict, time.Duration, time.Duration, *outage) {
	base := latest(u.since, l.usableSince, l.infoSince)
	if !l.info {
		if !w.knew(a.node, u, l) {
			return unknowable, 0, 0, l.cause
		}
		base = latest(base, l.infoUntil)
	}
	cause := l.cause
	if base == u.since {
		cause = nil
	}
	return missing, a.sent.Sub(base), missLimit, cause
}

// knew reports whether news of the user had reached the node before they
// stopped, and the node has run since.
func (w *world) knew(node int, u *user, l *link) bool {
	return l.infoUntil.Sub(latest(u.since, u.heardAt, l.infoSince)) > time.Second && !w.health[node].fedSince.After(l.infoUntil)
}

func latest(times ...time.Time) time.Time {
	var out time.Time
	for _, t := range times {
		if t.After(out) {
			out = t
		}
	}
	return out
}
