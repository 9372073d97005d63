package chaos

import (
	"testing"
	"time"

	"github.com/miekg/dns"
)

// scene is a world of three nodes in full health for a minute, and one user
// who moved from node 0 to node 1 ten seconds ago.
func scene() (*world, *user, time.Time) {
	now := time.Now()
	w := newWorld(3, newUsers(1))
	long := now.Add(-time.Minute)
	for i := range w.health {
		w.health[i] = health{fed: true, fedSince: long, pbx: true, ami: true}
		for j := range w.links[i] {
			w.links[i][j] = link{usable: true, usableSince: long, info: true, infoSince: long}
		}
	}
	u := w.users[0]
	u.home, u.since, u.heard = 1, now.Add(-10*time.Second), true
	u.held[0], u.held[1] = contact{uri: "sip:old"}, contact{uri: "sip:new"}
	return w, u, now
}

func TestJudge(t *testing.T) {
	const n = 2 // who is asked
	lost := func(w *world, i, j int, usable, info bool, at time.Time) {
		l := &w.links[i][j]
		if l.usable != usable {
			l.usable, l.usableSince = usable, at
		}
		if l.info && !info {
			l.info, l.infoUntil = false, at
		}
	}
	for _, c := range []struct {
		name  string
		setup func(w *world, u *user, now time.Time)
		home  int
		rcode int
		want  verdict
		age   time.Duration
	}{
		{name: "right", home: 1, want: right},
		{name: "old home", home: 0, want: wrong, age: 10 * time.Second},
		{name: "nobody", home: nowhere, rcode: dns.RcodeNameError, want: missing, age: 10 * time.Second},
		{name: "not settled", home: nowhere, rcode: dns.RcodeServerFailure, want: servfail},
		{name: "moved meanwhile", home: 0, want: overtaken,
			setup: func(_ *world, u *user, now time.Time) { u.since = now.Add(time.Millisecond) }},
		{name: "fault begins", home: 0, want: overtaken, setup: func(w *world, _ *user, _ time.Time) { w.blurred = 1 }},
		{name: "home is dead", home: 1, want: dead, age: 4 * time.Second,
			setup: func(w *world, _ *user, now time.Time) { lost(w, n, 1, false, false, now.Add(-4*time.Second)) }},
		{name: "home is dead, hidden", home: nowhere, rcode: dns.RcodeNameError, want: right,
			setup: func(w *world, _ *user, now time.Time) { lost(w, n, 1, false, false, now.Add(-4*time.Second)) }},
		{name: "home is dead, old one listed", home: 0, want: right,
			setup: func(w *world, _ *user, now time.Time) { lost(w, n, 1, false, false, now.Add(-4*time.Second)) }},
		{name: "federator is silent, known before", home: nowhere, rcode: dns.RcodeNameError, want: missing, age: 4 * time.Second,
			setup: func(w *world, _ *user, now time.Time) { lost(w, n, 1, true, false, now.Add(-4*time.Second)) }},
		{name: "federator is silent, came later", home: nowhere, rcode: dns.RcodeNameError, want: unknowable,
			setup: func(w *world, _ *user, now time.Time) { lost(w, n, 1, true, false, now.Add(-20*time.Second)) }},
		{name: "federator is silent, old home first", home: 0, want: outranked, age: 4 * time.Second,
			setup: func(w *world, _ *user, now time.Time) {
				w.health[1].fed = false
				lost(w, n, 1, true, false, now.Add(-4*time.Second))
			}},
		{name: "federator is back, old home first", home: 0, want: outranked, age: 10 * time.Second,
			setup: func(w *world, _ *user, now time.Time) { w.health[1].fedSince = now.Add(-time.Second) }},
		{name: "nobody heard the REGISTER", home: 0, want: unheard, age: 10 * time.Second,
			setup: func(_ *world, u *user, _ time.Time) { u.heard = false }},
		{name: "home is dead, old one has just dropped its contact", home: 0, want: wrong, age: time.Second,
			setup: func(w *world, u *user, now time.Time) {
				lost(w, n, 1, false, false, now.Add(-20*time.Second))
				delete(u.held, 0)
				u.unlisted[0] = now.Add(-time.Second)
			}},
		{name: "old contact is dropped meanwhile", home: 0, want: overtaken,
			setup: func(w *world, u *user, now time.Time) {
				lost(w, n, 1, false, false, now.Add(-20*time.Second))
				delete(u.held, 0)
				u.unlisted[0] = now.Add(time.Millisecond)
			}},
		{name: "left, still named", home: 1, want: wrong, age: 10 * time.Second,
			setup: func(_ *world, u *user, _ time.Time) { u.home = nowhere; delete(u.held, 1) }},
		{name: "left, old contact named", home: 0, want: stale, age: 10 * time.Second,
			setup: func(_ *world, u *user, _ time.Time) { u.home = nowhere; delete(u.held, 1) }},
	} {
		w, u, now := scene()
		if c.setup != nil {
			c.setup(w, u, now)
		}
		got, age, _, _ := w.judge(answer{node: n, sent: now, rcode: c.rcode, home: c.home})
		if got != c.want || age != c.age {
			t.Errorf("%s: %s after %v, want %s after %v", c.name, verdictNames[got], age, verdictNames[c.want], c.age)
		}
	}
}

// A fault that comes right after a REGISTER may have swallowed it.
func TestUnheard(t *testing.T) {
	w, u, _ := scene()
	w.change(&outage{}, func() { w.health[1].fed = false })
	if !u.heard {
		t.Error("a registration of ten seconds ago is forgotten")
	}
	w, u, now := scene()
	u.since = now.Add(-100 * time.Millisecond)
	w.change(&outage{}, func() { w.health[1].fed = false })
	if u.heard {
		t.Error("a registration of a tenth of a second ago counts as heard")
	}
	if l := w.links[0][1]; l.info || !l.usable {
		t.Errorf("without its federator a node has usable=%v, info=%v", l.usable, l.info)
	}
}
