package chaos

import (
	"sync"
	"time"
)

// health is what the laboratory has done to a node.
type health struct {
	fed      bool // asterfed runs and is not stopped
	fedSince time.Time
	pbx      bool // Asterisk runs
	hung     bool // but is silent
	ami      bool // and its AMI is left alone
	cut      bool // phones cannot reach the host
}

// link is what one node can know of another, or of itself.
type link struct {
	// usable: calls from the one reach the Asterisk of the other.
	usable      bool
	usableSince time.Time
	// info: news travel from that Asterisk through both federators.
	info      bool
	infoSince time.Time
	infoUntil time.Time // when it last ended
	cause     *outage   // of the last change
}

// world is the truth: which node is in what state, and where each user is,
// with the times since when. Everything is guarded by mu.
type world struct {
	mu     sync.Mutex
	began  time.Time
	health []health
	cuts   map[[2]int]int
	links  [][]link // [from][to]
	users  []*user
	recent []int // users that moved lately, a ring
	turn   int
	// lastFault is when a fault last began or ended.
	lastFault time.Time
	blurred   int // faults that are beginning or ending now: nothing is judged
	tally     tally
}

func newWorld(nodes int, users []*user) *world {
	w := &world{began: time.Now(), health: make([]health, nodes), cuts: map[[2]int]int{}, users: users,
		links: make([][]link, nodes), recent: make([]int, 64), tally: newTally()}
	for i := range w.links {
		w.links[i] = make([]link, nodes)
	}
	return w
}

// change applies what a fault does, and notes when each link changed.
func (w *world) change(cause *outage, f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	was := make([]bool, len(w.health))
	for i, h := range w.health {
		was[i] = h.fed
	}
	f()
	for i := range w.health {
		if h := &w.health[i]; h.fed && !was[i] {
			h.fedSince = now
		}
	}
	w.lastFault = now
	for i := range w.links {
		for j := range w.links[i] {
			w.update(i, j, now, cause)
		}
	}
}

func (w *world) update(i, j int, now time.Time, cause *outage) {
	a, b, l := &w.health[i], &w.health[j], &w.links[i][j]
	path := i == j || w.cuts[[2]int{i, j}] == 0 && w.cuts[[2]int{j, i}] == 0
	usable := path && b.pbx && !b.hung
	info := usable && a.fed && b.fed && b.ami
	if usable != l.usable {
		l.usable, l.usableSince, l.cause = usable, now, cause
	}
	if info == l.info {
		return
	}
	if l.info = info; info {
		if i == j && l.infoUntil.Sub(l.infoSince) > proofAge && cause != nil && proves[cause.kind] {
			w.rehear(i, l.infoUntil, now)
		}
		l.infoSince = now
	} else {
		l.infoUntil = now
	}
	l.cause = cause
	if i == j && !info {
		w.unhear(i, now)
	}
}

// unhear notes which registrations the federator may have missed, because a
// fault came right after them.
func (w *world) unhear(node int, now time.Time) {
	for _, u := range w.users {
		window := 500 * time.Millisecond
		if u.back { // told by a listing, not by an event
			window = 3 * time.Second
		}
		if u.home == node && (now.Sub(u.since) < window || u.heardAt.After(now)) {
			u.heard = false
		}
	}
}

// proves names the faults that end with a federator that goes on with its data
// beside an Asterisk that ran all the while: its listing then tells who has
// registered meanwhile.
var proves = map[string]bool{"kill-asterfed": true, "ami-garbage": true, "restart-all": true}

// proofAge is how old a claim must be, and how long all must have been well, for
// a federator to be sure that a listing proves a later one.
const proofAge = 12 * time.Second

// rehear notes whom the first listing after an outage proves.
func (w *world) rehear(node int, down, now time.Time) {
	for _, u := range w.users {
		if u.home == node && !u.heard && !u.back && u.since.After(down) && down.Sub(u.before) > proofAge {
			u.heard, u.heardAt = true, now.Add(listening)
		}
	}
}

// blur calls f, which begins or ends a fault. What is answered meanwhile is
// not judged: nobody can tell whether it was before or after.
func (w *world) blur(f func() error) error {
	shift := func(by int) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.blurred += by
		w.lastFault = time.Now()
	}
	shift(1)
	defer shift(-1)
	return f()
}

// callable reports whether a phone can register at the node.
func (w *world) callable(node int) bool {
	h := w.health[node]
	return h.pbx && !h.hung && !h.cut
}

// calm reports whether nothing has been wrong for a while.
func (w *world) calm(now time.Time, d time.Duration) bool {
	if now.Sub(w.lastFault) < d {
		return false
	}
	for i := range w.links {
		for j := range w.links[i] {
			if !w.links[i][j].info {
				return false
			}
		}
	}
	return true
}

func (w *world) at(t time.Time) float64 { return t.Sub(w.began).Seconds() }

// tells reports whether the home of a user can tell that a refresh is one. It
// must have listed the contact before, when it knew who else claims the user.
func (w *world) tells(u *user, now time.Time) bool {
	for n := range u.held {
		l := w.links[u.home][n]
		if !l.info || now.Sub(l.infoSince) < 2*listening {
			return false
		}
	}
	return true
}
