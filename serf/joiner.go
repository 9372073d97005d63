package serf

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asterfed/asterfed/serf/gate"
)

// joiner connects this node to its seeds and to the peers that are missing, as
// long as the agent runs: often while it is alone, rarely otherwise.
type joiner struct {
	seeds    seeds
	peers    *peers
	retry    retry
	members  func() []Member
	self     func() Member
	join     func(addr string) error // "ip:port" or "name/ip:port"
	conflict func(error)             // ends the agent: another node has its name
	admit    *gate.Admission
	known    func([]netip.Addr) // is called with the members' addresses at each look
	log      *slog.Logger

	busy   atomic.Bool     // an attempt is under way
	wait   time.Duration   // until the next attempt while alone
	warned bool            // said that nobody answers
	joined bool            // said that we are not alone
	ever   atomic.Bool     // has reached another member since its start
	fresh  bool            // joined, and member lists not compared since
	told   map[string]bool // seeds that the log has named as not reached

	began time.Time
	rival rival
}

// atOnce bounds the addresses that are tried in parallel, so that one that drops
// packets does not delay the others. perAttempt bounds those of one attempt: a
// large federation that was cut in two needs only one of them to reunite.
const (
	atOnce     = 16
	perAttempt = 64
)

// run works until ctx ends. It saves the peer list as it changes.
func (j *joiner) run(ctx context.Context) {
	var last time.Time
	j.began = time.Now()
	for {
		members := j.members()
		missing := j.peers.observe(members)
		j.save()
		alone := j.alone(members)
		j.known(addresses(members))
		if j.fresh && !alone && !last.IsZero() && time.Since(last) >= j.retry.tick {
			j.fresh = false
			go j.exchange(ctx, members)
		}
		if j.due(alone, time.Since(last)) && j.busy.CompareAndSwap(false, true) {
			last = time.Now()
			go func() {
				defer j.busy.Store(false)
				j.attempt(ctx, members, missing)
			}()
		}
		j.complain(alone)
		select {
		case <-ctx.Done():
			j.peers.observe(j.members())
			j.save()
			return
		case <-time.After(j.pause(alone)):
		}
	}
}

func addresses(members []Member) []netip.Addr {
	ips := make([]netip.Addr, len(members))
	for i, m := range members {
		ips[i] = m.Addr.Addr()
	}
	return ips
}

// firstWait is the first of the growing waits of a node that is alone:
// servers that start together find each other at once.
const firstWait = 200 * time.Millisecond

// pause is the time between two looks at the member list.
func (j *joiner) pause(alone bool) time.Duration {
	if alone {
		return min(j.retry.tick, j.wait)
	}
	return j.retry.tick
}

func (j *joiner) save() {
	if err := j.peers.save(); err != nil {
		j.log.Error("peer list not written", "err", err)
	}
}

func (j *joiner) due(alone bool, since time.Duration) bool {
	if alone {
		if j.wait == 0 {
			j.wait = min(firstWait, j.retry.alone)
			return true
		}
		due := since >= j.wait
		if due {
			j.wait = min(2*j.wait, j.retry.alone)
		}
		return due
	}
	j.wait = 0
	return since >= j.retry.missing
}

// alone reports whether no other member is up, and says so in the log when
// that changes.
func (j *joiner) alone(members []Member) bool {
	self, up := j.self().Name, 0
	for _, m := range members {
		if m.Name != self && m.Status.up() {
			up++
		}
	}
	j.admit.SetCompany(up > 0)
	if up > 0 {
		j.ever.Store(true)
	}
	switch {
	case up > 0 && !j.joined:
		j.joined, j.warned, j.fresh = true, false, true
		j.log.Info("joined the federation", "members", up+1)
	case up == 0 && j.joined:
		j.joined, j.warned = false, true
		j.log.Warn("no other member answers; retrying in the background", "every", j.retry.alone)
	case up == 0 && !j.warned && len(j.seeds.list) > 0:
		j.warned = true
		j.log.Info("joining in the background", "seeds", j.seeds.list, "every", j.retry.alone)
	}
	return up == 0
}

// complain says once for each seed why it was not reached, if none was for a
// while.
func (j *joiner) complain(alone bool) {
	if !alone || j.ever.Load() || time.Since(j.began) < j.retry.silence {
		return
	}
	for _, e := range j.seeds.errors() {
		if j.told[e.Seed] {
			continue
		}
		if j.told == nil {
			j.told = make(map[string]bool)
		}
		j.told[e.Seed] = true
		j.log.Warn("seed not reached; retrying in the background", "seed", e.Seed, "why", e.Why, "remedy", e.Remedy)
	}
}

// target is an address worth trying.
type target struct {
	seed string // "" if it is a peer
	peer string // "" if it is a seed
	addr netip.AddrPort
}

func (t target) String() string {
	if t.peer != "" {
		return t.peer + "/" + t.addr.String()
	}
	return t.addr.String()
}

// attempt tries seeds and peers that are missing once, in random order.
func (j *joiner) attempt(ctx context.Context, members []Member, missing []peer) {
	targets := j.targets(j.resolve(ctx), members, missing)
	rand.Shuffle(len(targets), func(a, b int) { targets[a], targets[b] = targets[b], targets[a] })
	targets = targets[:min(len(targets), perAttempt)]

	var wg sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for _, t := range targets {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if ctx.Err() != nil {
				return
			}
			err := j.join(t.String())
			if err != nil {
				j.log.Debug("join", "addr", t, "err", err)
			}
			j.tried(t, err)
		})
	}
	wg.Wait()
	if ctx.Err() == nil {
		j.yield()
	}
}

// tried notes what became of an attempt.
func (j *joiner) tried(t target, err error) {
	switch {
	case t.seed != "":
		j.note(t.seed, t.addr, err)
	case err != nil && strings.Contains(err.Error(), gate.OtherZone):
		j.log.Warn("peer forgotten", "node", t.peer, "addr", t.addr, "err", err)
		j.peers.drop(t.peer)
	}
	if at, ok := gate.RivalIn(err); ok && !j.ever.Load() {
		j.rival.found(at, time.Since(j.began) <= j.retry.newcomer)
	}
}

// note keeps what became of an attempt at a seed.
func (j *joiner) note(seed string, at netip.AddrPort, err error) {
	if err == nil && j.company() {
		j.ever.Store(true)
	}
	j.seeds.note(seed, at, err)
}

// yield ends a newcomer whose name another node has. A node that has moved finds
// its former self in the others' lists until they notice that it is gone, so the
// incumbent itself is asked; if it does not answer, the newcomer waits until the
// others call it failed. Only what this node has tried by itself counts: an
// incumbent that is alone must not give way to a copy that calls it.
func (j *joiner) yield() {
	at, since := j.rival.take()
	if !at.IsValid() || j.ever.Load() {
		return
	}
	_, answered := gate.RivalIn(j.join(at.String()))
	if answered || time.Since(since) > j.retry.taken {
		j.conflict(fmt.Errorf("%w: %w; give this node another name, or stop the other one and start this one again", ErrConflict, j.admit.Taken(at)))
	}
}

// rival is another node of our name, which was found while we joined. Safe for
// concurrent use.
type rival struct {
	mu    sync.Mutex
	at    netip.AddrPort // found in this attempt
	since time.Time      // of all attempts without a break that found one
}

// found notes a rival. Only a newcomer begins to look out for one.
func (r *rival) found(at netip.AddrPort, newcomer bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.since.IsZero() && newcomer {
		r.since = time.Now()
	}
	if !r.since.IsZero() {
		r.at = at
	}
}

// take returns the rival of an attempt, if any, and since when there is one.
func (r *rival) take() (at netip.AddrPort, since time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, since = r.at, r.since
	r.at = netip.AddrPort{}
	if !at.IsValid() {
		r.since = time.Time{}
	}
	return at, since
}

// exchange compares the member list with that of two members, a moment after
// joining. Servers that start together would otherwise miss those that joined
// meanwhile through a third until memberlist next exchanges by itself, for up
// to half a minute.
func (j *joiner) exchange(ctx context.Context, members []Member) {
	self := j.self().Name
	members = slices.Clone(members) // an attempt may read them
	rand.Shuffle(len(members), func(a, b int) { members[a], members[b] = members[b], members[a] })
	left := 2
	for _, m := range members {
		if m.Name == self || !m.Status.up() || left == 0 || ctx.Err() != nil {
			continue
		}
		left--
		if err := j.join(m.Name + "/" + m.Addr.String()); err != nil {
			j.log.Debug("exchange member lists", "with", m.Name, "err", err)
		}
	}
}

// targets lists the addresses worth trying: peers that are missing, and seeds
// at which nobody is known to be up.
func (j *joiner) targets(seeds []target, members []Member, missing []peer) []target {
	var targets []target
	up := make(map[netip.AddrPort]bool)
	for _, m := range members {
		if m.Status.up() {
			up[m.Addr] = true
		}
	}
	known := make(map[netip.AddrPort]bool)
	for _, p := range missing {
		known[p.Addr] = true
		targets = append(targets, target{peer: p.Name, addr: p.Addr})
	}
	for _, s := range seeds {
		if up[s.addr] {
			j.note(s.seed, s.addr, nil)
			continue
		}
		if !known[s.addr] {
			known[s.addr] = true
			targets = append(targets, s)
		}
	}
	return targets
}

// resolve returns the addresses of the seeds. Names are looked up each time,
// for they may move.
func (j *joiner) resolve(ctx context.Context) []target {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var addrs []target
	for _, seed := range j.seeds.list {
		host, port, err := splitSeed(seed)
		if err != nil {
			continue // Check has refused it
		}
		ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		if err != nil {
			j.log.Debug("look up seed", "seed", seed, "err", err)
			j.note(seed, netip.AddrPort{}, err)
			continue
		}
		for i, ip := range ips {
			ips[i] = ip.Unmap() // the resolver maps IPv4 into IPv6
			addrs = append(addrs, target{seed: seed, addr: netip.AddrPortFrom(ips[i], port)})
		}
		j.seeds.resolved(seed, ips, port)
	}
	return addrs
}
