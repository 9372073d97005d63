package chaos

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// nowhere is the home of a user who is registered at no node.
const nowhere = -1

// user is one phone. It registers at one node at a time; where it was before,
// its contact stays until it expires, as in life.
type user struct {
	id     int
	aor    string
	home   int // where it registered last
	since  time.Time
	before time.Time       // when it had registered last before that
	held   map[int]contact // what each Asterisk still lists of it
	// unlisted is when an Asterisk stopped listing it, after it had moved on.
	unlisted map[int]time.Time
	next     time.Time // its next act
	uris     int
	// back: it came back with the contact that its node still listed, which
	// Asterisk announces to nobody.
	back bool
	// heard: its last REGISTER, or a later refresh, reached a federator in
	// full health. Otherwise no stamp can be expected.
	heard   bool
	heardAt time.Time
}

type contact struct {
	uri     string
	expires time.Time
	until   time.Time // the same by the clock of the host
}

// The phones' habits.
const (
	expiry     = 40 * time.Second
	refreshMin = 8 * time.Second
	refreshVar = 8 * time.Second
	phoneTick  = 20 * time.Millisecond
	// A federator that was started or cut off from AMI hears phones again
	// after so long.
	listening = 2 * time.Second
)

func newUsers(n int) []*user {
	out := make([]*user, n)
	for i := range out {
		out[i] = &user{id: i, aor: fmt.Sprint(1000 + i), home: nowhere, held: map[int]contact{}, unlisted: map[int]time.Time{}}
	}
	return out
}

// phones lets the users act until stop is closed, at most limit acts a second.
// Once still is closed nobody moves any more.
func (l *Lab) phones(rng *rand.Rand, limit int, still, stop <-chan struct{}) {
	tick := time.NewTicker(phoneTick)
	defer tick.Stop()
	share := max(1, limit*int(phoneTick/time.Millisecond)/1000)
	moving := true
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		select {
		case <-still:
			moving = false
		default:
		}
		l.w.mu.Lock()
		now := time.Now()
		left := share
		first := rng.IntN(len(l.w.users))
		for i := range l.w.users {
			u := l.w.users[(first+i)%len(l.w.users)]
			if left > 0 && !now.Before(u.next) {
				left--
				l.act(u, rng, now, moving)
			}
		}
		if n%12 == 0 {
			l.expire(now)
		}
		l.w.mu.Unlock()
	}
}

// act is what a phone does when its refresh is due. The world is locked.
func (l *Lab) act(u *user, rng *rand.Rand, now time.Time, moving bool) {
	u.next = now.Add(refreshMin + time.Duration(rng.Int64N(int64(refreshVar))))
	dice := rng.IntN(100)
	switch {
	case u.home == nowhere || !l.w.callable(u.home):
		if moving {
			l.move(u, rng, now)
		}
	case !moving:
		l.refresh(u, now)
	case dice < 20:
		l.move(u, rng, now)
	case dice < 25:
		l.leave(u, now, false)
	case dice < 28:
		l.leave(u, now, true)
	default:
		l.refresh(u, now)
	}
}

func (l *Lab) refresh(u *user, now time.Time) {
	l.nodes[u.home].pbx.Refresh(u.aor, u.held[u.home].uri, expiry)
	u.held[u.home] = l.nodes[u.home].contact(u.held[u.home].uri, now)
	if !u.heard && l.w.tells(u, now) {
		u.heard, u.heardAt = true, now.Add(listening)
	}
}

// contact is what Asterisk notes of a REGISTER.
func (n *node) contact(uri string, now time.Time) contact {
	return contact{uri, now.Add(expiry).Truncate(time.Second), n.clock().Add(expiry).Truncate(time.Second)}
}

// move registers a user at another node that takes phones.
func (l *Lab) move(u *user, rng *rand.Rand, now time.Time) {
	var open []int
	for i := range l.nodes {
		if i != u.home && l.w.callable(i) {
			open = append(open, i)
		}
	}
	if len(open) == 0 {
		return
	}
	to := open[rng.IntN(len(open))]
	if u.home != nowhere && l.w.callable(u.home) && rng.IntN(5) == 0 {
		l.leave(u, now, false)
	}
	old, listed := u.held[to]
	uri := old.uri
	u.back = listed && now.Sub(u.since) > 5*time.Second && l.w.calm(now, 6*time.Second) && rng.IntN(2) == 0
	if !u.back {
		u.uris++
		uri = fmt.Sprintf("sip:%s@198.51.100.%d:%d", u.aor, to+1, 10000+u.uris)
	}
	l.nodes[to].pbx.Register(u.aor, uri, expiry)
	u.held[to] = l.nodes[to].contact(uri, now)
	u.before = u.since
	self := l.w.links[to][to]
	u.heard, u.heardAt = self.info && now.Sub(self.infoSince) > listening, now
	l.settle(u, to, now)
}

// leave ends the registration, by REGISTER with Expires 0 or by silence.
func (l *Lab) leave(u *user, now time.Time, silent bool) {
	pbx := l.nodes[u.home].pbx
	if silent {
		pbx.Expire(u.aor, u.held[u.home].uri)
	} else {
		pbx.Unregister(u.aor, u.held[u.home].uri)
	}
	delete(u.held, u.home)
	l.settle(u, nowhere, now)
}

func (l *Lab) settle(u *user, home int, now time.Time) {
	u.home, u.since = home, now
	l.w.tally.acts++
	l.w.recent[l.w.turn%len(l.w.recent)] = u.id
	l.w.turn++
}

// expire removes what has expired at every Asterisk that runs.
func (l *Lab) expire(now time.Time) {
	for _, u := range l.w.users {
		for n, c := range u.held {
			if !l.w.health[n].pbx || now.Before(c.expires) {
				continue
			}
			l.nodes[n].pbx.Expire(u.aor, c.uri)
			delete(u.held, n)
			u.unlisted[n] = now
			if u.home == n {
				l.settle(u, nowhere, now)
			}
		}
	}
}
