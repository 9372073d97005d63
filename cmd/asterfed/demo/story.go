package demo

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"slices"
	"time"
)

var demoUsers = []string{"1001", "1002", "1003", "1004", "1005", "1006", "1007", "1008", "alice", "bob"}

// story makes users register, roam and disappear, and asks every node after
// each step.
type story struct {
	out   io.Writer
	pace  time.Duration
	began time.Time
	rng   *rand.Rand
	nodes []*demoNode
	homes map[string]*demoNode // where each user truly is
	times []time.Duration      // until every node answered right
	steps int
}

func (s *story) seed(n uint64) { s.rng = rand.New(rand.NewPCG(n, n)) }

func (s *story) say(format string, args ...any) {
	fmt.Fprintf(s.out, "%7.3fs  %s\n", time.Since(s.began).Seconds(), fmt.Sprintf(format, args...))
}

func (s *story) intro() {
	fmt.Fprintf(s.out, "\nThree nodes serve %s Ask any of them from another terminal:\n\n", demoZone)
	for _, line := range []string{
		"dig @127.0.0.11 -p 5300 1001.users.fed.example NAPTR +short      # where is 1001?",
		"dig @127.0.0.12 -p 5300 1.0.0.1.e164.fed.example NAPTR           # the same by ENUM",
		"dig @127.0.0.13 -p 5300 _sip._udp.alice.users.fed.example SRV    # for any SIP client",
		"dig @127.0.0.11 -p 5300 fed.example NS                           # which nodes live",
		"dig @127.0.0.11 -p 5300 pbx-b.nodes.fed.example TXT +short       # what a node says",
	} {
		fmt.Fprintln(s.out, "  ", line)
	}
	fmt.Fprintln(s.out)
}

var hostInRegexp = regexp.MustCompile(`@([a-z0-9-]+)\.nodes\.`)

// nodeOf returns the node in an ENUM regexp.
func nodeOf(re string) string {
	if m := hostInRegexp.FindStringSubmatch(re); m != nil {
		return m[1]
	}
	return ""
}

// run goes on until ctx ends. Every eighth step is a disaster.
func (s *story) run(ctx context.Context) {
	for _, u := range demoUsers[:6] {
		s.register(ctx, u)
	}
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			return
		case <-time.After(s.pace):
		}
		s.steps++
		u := demoUsers[s.rng.IntN(len(demoUsers))]
		switch {
		case s.steps%8 == 4:
			s.disaster(ctx)
		case s.homes[u] != nil && s.rng.IntN(4) == 0:
			s.unregister(ctx, u)
		default:
			s.register(ctx, u)
		}
	}
}

func contact(u string, n *demoNode) string {
	return fmt.Sprintf("sip:%s@%s:6%s", u, n.ip, fmt.Sprintf("%03d", 100+slices.Index(demoUsers, u)))
}

func (s *story) register(ctx context.Context, u string) {
	from := s.homes[u]
	to := s.nodes[s.rng.IntN(len(s.nodes))]
	if to == from {
		to = s.nodes[(slices.Index(s.nodes, to)+1)%len(s.nodes)]
	}
	s.homes[u] = to
	start := time.Now()
	to.pbx.Register(u, contact(u, to), time.Hour)
	what := fmt.Sprintf("%-5s registers at %s", u, to.name)
	if from != nil { // the old registration stays behind, as it does in life
		what = fmt.Sprintf("%-5s roams from %s to %s", u, from.name, to.name)
	}
	s.await(ctx, what, u, to.name, start, s.nodes)
}

func (s *story) unregister(ctx context.Context, u string) {
	start := time.Now()
	for _, n := range s.nodes {
		n.pbx.Unregister(u, contact(u, n))
	}
	delete(s.homes, u)
	s.await(ctx, fmt.Sprintf("%-5s unregisters", u), u, "", start, s.nodes)
}

// disaster kills a node that has users, with its Asterisk, and brings it back.
func (s *story) disaster(ctx context.Context) {
	n := s.nodes[s.rng.IntN(len(s.nodes))]
	var victim string
	for _, u := range demoUsers {
		if s.homes[u] == n {
			victim = u
		}
	}
	if victim == "" {
		return
	}
	others := slices.DeleteFunc(slices.Clone(s.nodes), func(o *demoNode) bool { return o == n })
	start := time.Now()
	n.kill()
	s.awaitNot(ctx, fmt.Sprintf("%s dies (kill -9, Asterisk too)", n.name), victim, n.name, start, others)
	to := others[s.rng.IntN(len(others))]
	s.homes[victim] = to
	start = time.Now()
	to.pbx.Register(victim, contact(victim, to), time.Hour)
	s.await(ctx, fmt.Sprintf("%-5s registers at %s instead", victim, to.name), victim, to.name, start, others)
	start = time.Now()
	if err := n.revive(ctx); err != nil {
		s.say("%s does not come back: %v", n.name, err)
		return
	}
	s.await(ctx, fmt.Sprintf("%s is back; %s stays at %s", n.name, victim, to.name), victim, to.name, start, s.nodes)
}

// await waits until every node answers that u lives at want, and says how
// long it took.
func (s *story) await(ctx context.Context, what, u, want string, start time.Time, nodes []*demoNode) {
	s.until(ctx, what, start, nodes, func(n *demoNode) bool {
		home, err := n.home(u)
		return err == nil && home == want
	})
}

func (s *story) awaitNot(ctx context.Context, what, u, not string, start time.Time, nodes []*demoNode) {
	s.until(ctx, what, start, nodes, func(n *demoNode) bool {
		home, err := n.home(u)
		return err == nil && home != not
	})
}

func (s *story) until(ctx context.Context, what string, start time.Time, nodes []*demoNode, ok func(*demoNode) bool) {
	for time.Since(start) < 15*time.Second {
		if !slices.ContainsFunc(nodes, func(n *demoNode) bool { return !ok(n) }) {
			d := time.Since(start)
			s.times = append(s.times, d)
			s.say("%-46s known to %d nodes after %v", what, len(nodes), d.Round(100*time.Microsecond))
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Millisecond):
		}
	}
	s.say("%-46s NOT known everywhere after 15s", what)
}

func (s *story) summary() {
	if len(s.times) == 0 {
		return
	}
	slices.Sort(s.times)
	fmt.Fprintf(s.out, "\n%d events; until every node answered right: median %v, longest %v\n", len(s.times),
		s.times[len(s.times)/2].Round(100*time.Microsecond), s.times[len(s.times)-1].Round(100*time.Microsecond))
}

func (s *story) stop() {
	for _, n := range s.nodes {
		n.stop()
	}
}
