package simulation

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/miekg/dns"
)

// users register and move, and know where each of them truly is.
type users struct {
	fed   *federation
	every time.Duration // between two moves

	mu      sync.Mutex
	rand    *rand.Rand
	home    []int        // of each user
	away    map[int]bool // nodes that are down
	leaving []departure  // oldest first
	err     error
}

// departure is a registration that the old home is about to remove.
type departure struct {
	at         time.Time
	user, home int
}

// lingers is how long the old home keeps a user who has moved.
const lingers = time.Second

// newUsers spreads count users over the nodes. A move is two changes: one at
// the new home, one at the old.
func newUsers(f *federation, count int, changes float64, seed uint64) *users {
	return &users{fed: f, every: time.Duration(2 / changes * float64(time.Second)), home: make([]int, count),
		rand: rand.New(rand.NewPCG(seed, uint64(count))), away: map[int]bool{}}
}

func aor(user int) location.AOR { return location.AOR(fmt.Sprintf("u%05d", user)) }

func contact(user, home int) location.Contact {
	return location.Contact{AOR: aor(user), Kind: location.PJSIP, URI: fmt.Sprintf("sip:u%05d@192.0.2.%d:5060", user, home)}
}

// register puts all users somewhere.
func (u *users) register() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	for i := range u.home {
		u.home[i] = u.rand.IntN(len(u.fed.nodes))
		u.arrive(i)
	}
	return u.err
}

// run moves users until ctx ends.
func (u *users) run(ctx context.Context) {
	tick := time.NewTicker(u.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			u.mu.Lock()
			u.depart(time.Now().Add(lingers))
			u.mu.Unlock()
			return
		case <-tick.C:
		}
		u.mu.Lock()
		u.depart(time.Now())
		u.move(u.rand.IntN(len(u.home)))
		u.mu.Unlock()
	}
}

func (u *users) move(user int) {
	old, to := u.home[user], u.rand.IntN(len(u.fed.nodes))
	if to == old || u.away[to] {
		return
	}
	u.home[user] = to
	u.arrive(user)
	u.leaving = append(u.leaving, departure{time.Now().Add(lingers), user, old})
}

func (u *users) arrive(user int) {
	c := contact(user, u.home[user])
	u.err = errors.Join(u.err, u.fed.nodes[u.home[user]].update(func(s *location.Store) []location.Change { return s.Register(c) }))
}

// depart removes what is due, unless its home is down or its user is back.
func (u *users) depart(now time.Time) {
	var later []departure
	for _, d := range u.leaving {
		switch {
		case d.at.After(now) || u.away[d.home]:
			later = append(later, d)
		case u.home[d.user] != d.home:
			c := contact(d.user, d.home)
			u.err = errors.Join(u.err, u.fed.nodes[d.home].update(func(s *location.Store) []location.Change {
				return s.Remove(c.AOR, c.Kind, c.URI)
			}))
		}
	}
	u.leaving = later
}

// set says whether a node is up.
func (u *users) set(n *node, up bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.away[n.index] = !up
}

// ask looks every user up at every connected node and returns how many
// answers do not send the call to where the user is.
func (u *users) ask() (wrong, asked int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, n := range u.fed.nodes[:u.fed.sample] {
		for user, home := range u.home {
			asked++
			want := "@" + u.fed.nodes[home].name + ".nodes."
			if !leadsTo(n, aor(user), want) {
				wrong++
			}
		}
	}
	return wrong, asked
}

func leadsTo(n *node, a location.AOR, want string) bool {
	best, found := uint16(0xffff), ""
	for _, rr := range n.view.Lookup(a.Fold()+".users."+origin, dns.TypeNAPTR).Answer {
		if p, ok := rr.(*dns.NAPTR); ok && p.Preference < best {
			best, found = p.Preference, p.Regexp
		}
	}
	return strings.Contains(found, want)
}
