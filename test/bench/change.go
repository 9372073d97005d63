package main

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/asterfed/asterfed/test/bench/watch"
	"github.com/miekg/dns"
)

// changes are the loads under which the time to answer a change is taken. A
// sampled change is looked for at one other node, since who asks all of them
// again and again delays what is measured; one of everywhere of these at all,
// for the last.
var changes = []struct {
	nodes int
	load
	goal string
}{
	{10, load{100, 2, 10}, "p50 under 3 ms, p99 under 15 ms"},
	{50, load{1000, 10, 20}, "p99 under 100 ms"},
}

// load is so many changes a second, of which one of sampled is looked for.
type load struct{ rate, sampled, everywhere int }

// A load lasts so long, and is measured once it has gone on for a while: what the
// registrations before it left to be done, to the history and on disk, is no part
// of it.
const (
	changesTime = 12 * time.Second
	warmUp      = 2 * time.Second
)

// change measures how long a REGISTER takes to change the answers of every
// other node, and what nsupdate's way takes from BIND to its secondary.
func (b *bench) change() (string, error) {
	var out strings.Builder
	out.WriteString("| | load | goal | p50, ms | p99, ms | on the last node: p50, p99, ms | cores in use |\n|---|---|---|---|---|---|---|\n")
	for _, l := range changes {
		if l.nodes > b.nodes {
			fmt.Fprintf(&out, "| asterfed, the same | %d nodes, %d changes/s | %s | not in this run | | | |\n", l.nodes, l.rate, l.goal)
			continue
		}
		b.progress("%d nodes, %d changes a second", l.nodes, l.rate)
		all, err := b.federate(filepath.Join(b.dir, fmt.Sprint("federation-", l.nodes)), l.nodes, 0)
		if err != nil {
			return "", err
		}
		rows, err := b.arrivals(all, l.load, l.goal)
		disband(all)
		if err != nil {
			return "", err
		}
		out.WriteString(rows)
	}
	b.progress("BIND with a secondary")
	text, err := b.nsupdate()
	return out.String() + text, err
}

// arrivals are the rows of one load: of users whom their node has seen before, and of users who are new
// to it, whom it first asks its Asterisk about.
func (b *bench) arrivals(all []*member, l load, goal string) (string, error) {
	var out strings.Builder
	known, err := acquaint(all, l.rate)
	if err != nil {
		return "", err
	}
	for _, c := range []struct {
		who, goal string
		users     [][]string
	}{{"users who have registered there before", goal, known}, {"users who are new there", "", nil}} {
		profiled := b.profile(all[0], fmt.Sprintf("change-%d", len(all)), changesTime-time.Second)
		t, err := arrive(all, l, c.users)
		if perr := profiled(); err == nil {
			err = perr
		}
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&out, "| asterfed, from AMI's event to another node's answer: %s | %d nodes, %.0f of %d changes/s | %s | %s | %s | %s, %s | %.2f |\n", c.who, len(all), t.rate, l.rate, c.goal,
			millis(t.each, 0.5), millis(t.each, 0.99), millis(t.last, 0.5), millis(t.last, 0.99), t.cores)
	}
	return out.String(), nil
}

// acquaint registers users at each node, more than there will be changes, and takes them away again.
func acquaint(all []*member, rate int) ([][]string, error) {
	users := make([][]string, len(all))
	for i, m := range all {
		for n := range 2 * rate * int(changesTime.Seconds()) / len(all) {
			users[i] = append(users[i], fmt.Sprintf("known-%d-%d", i, n))
		}
		for _, u := range users[i] {
			m.pbx.Register(u, contactOf(u, 0), time.Hour)
		}
	}
	if err := eventually(all, users, true); err != nil {
		return nil, err
	}
	for i, m := range all {
		for _, u := range users[i] {
			m.pbx.Unregister(u, contactOf(u, 0))
		}
	}
	return users, eventually(all, users, false)
}

func contactOf(user string, n int) string {
	return fmt.Sprintf("sip:%s@192.0.2.7:%d", user, 1024+n%60000)
}

// eventually waits until every node answers for every node's users, or for none.
func eventually(all []*member, users [][]string, there bool) error {
	late := time.Now().Add(time.Minute)
	for i := range users {
		for _, u := range users[i] {
			for j, m := range all {
				if j != i && u != users[i][len(users[i])-1] {
					continue // the last one is looked for everywhere
				}
				for {
					r, err := m.c.exchange(u+".users."+origin, dns.TypeNAPTR)
					if err == nil && len(r.Answer) > 0 == there {
						break
					}
					if time.Now().After(late) {
						return fmt.Errorf("%s does not know what became of %s: %v", m.name, u, err)
					}
					<-time.After(10 * time.Millisecond)
				}
			}
		}
	}
	return nil
}

// took are the times of one load.
type took struct {
	each, last []time.Duration // at one node; at the last one of a change
	rate       float64         // changes a second that were made
	cores      float64         // by all nodes together
}

// arrive registers one user after the other for a while, each at one node: those that are known
// there, or new ones if nil.
// (Users who leave contacts behind at other nodes are listed there every second,
// which is another measurement.)
func arrive(all []*member, l load, known [][]string) (t took, err error) {
	watchers := make([]*watch.Watcher, len(all))
	for i, m := range all {
		if watchers[i], err = watch.New(m.addr + ":" + port); err != nil {
			return t, err
		}
		defer watchers[i].Close()
	}
	rng := rand.New(rand.NewPCG(1, 1))
	results := make(chan sighting)
	open, lost := 0, 0
	take := func(r sighting) {
		open--
		switch {
		case len(r.took) < r.nodes:
			lost++
		case r.nodes == 1:
			t.each = append(t.each, r.took...)
		default:
			t.last = append(t.last, slices.Max(r.took))
		}
	}
	cpu, began, warm := time.Duration(0), time.Now(), 0
	n := 0
	for time.Since(began) < changesTime {
		if behind := time.Until(began.Add(time.Duration(n) * time.Second / time.Duration(l.rate))); behind > 0 {
			select {
			case r := <-results:
				take(r)
				continue
			case <-time.After(behind):
			}
		}
		to := rng.IntN(len(all))
		user := fmt.Sprint("user-", n)
		if known != nil {
			for len(known[to]) == 0 {
				to = rng.IntN(len(all))
			}
			user, known[to] = known[to][0], known[to][1:]
		}
		now := time.Now()
		all[to].pbx.Register(user, contactOf(user, n), time.Hour)
		if n++; warm == 0 {
			if time.Since(began) > warmUp {
				cpu, warm = cpuOf(all), n
			}
			continue
		}
		if n%l.sampled == 0 {
			open++
			at := slices.Delete(slices.Clone(watchers), to, to+1)
			if n%(l.sampled*l.everywhere) != 0 {
				one := rng.IntN(len(at))
				at = at[one : one+1]
			}
			go func() { results <- seen(at, user, all[to].name, now) }()
		}
	}
	measured := (time.Since(began) - warmUp).Seconds()
	t.rate = float64(n-warm) / measured
	t.cores = (cpuOf(all) - cpu).Seconds() / measured
	for open > 0 {
		take(<-results)
	}
	if len(t.each) == 0 || lost > 0 {
		return t, fmt.Errorf("%d of %d sampled changes did not reach every node", lost, (n-warm)/l.sampled)
	}
	return t, nil
}

func cpuOf(all []*member) (sum time.Duration) {
	for _, m := range all {
		sum += m.c.p.CPU()
	}
	return sum
}

// millis is a quantile.
func millis(all []time.Duration, q float64) string {
	s := slices.Sorted(slices.Values(all))
	return fmt.Sprintf("%.1f", s[min(len(s)-1, int(q*float64(len(s))))].Seconds()*1e3)
}

// sighting is how long a change took to so many nodes; one that it did not reach
// has no time.
type sighting struct {
	nodes int
	took  []time.Duration
}

// seen asks nodes for a user until they answer with a home, and returns how long
// each took.
func seen(watchers []*watch.Watcher, user, name string, since time.Time) sighting {
	out := sighting{nodes: len(watchers)}
	results := make(chan time.Duration, len(watchers))
	for _, w := range watchers {
		go func() { results <- w.Until(user+".users."+origin, "@"+name+".nodes.", since) }()
	}
	for range watchers {
		if d := <-results; d > 0 {
			out.took = append(out.took, d)
		}
	}
	return out
}
