package main

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// changes are the loads under which the time to answer a change is taken:
// every sampled change is looked for at all other nodes.
var changes = []struct {
	nodes, rate, sampled int // one of so many is sampled
	goal                 string
}{
	{10, 100, 5, "p50 under 3 ms, p99 under 15 ms"},
	{50, 1000, 200, "p99 under 100 ms"},
}

const changesTime = 10 * time.Second

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
		profiled := b.profile(all[0], fmt.Sprintf("change-%d", l.nodes), changesTime-time.Second)
		t, err := arrive(all, l.rate, l.sampled)
		if perr := profiled(); err == nil {
			err = perr
		}
		disband(all)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&out, "| asterfed, from AMI's event to another node's answer | %d nodes, %.0f of %d changes/s | %s | %s | %s | %s, %s | %.2f |\n", l.nodes, t.rate, l.rate, l.goal,
			millis(t.each, 0.5), millis(t.each, 0.99), millis(t.last, 0.5), millis(t.last, 0.99), t.cores)
	}
	b.progress("BIND with a secondary")
	text, err := b.nsupdate()
	return out.String() + text, err
}

// took are the times of one load.
type took struct {
	each, last []time.Duration // at each node; at the last one of a change
	rate       float64         // changes a second that were made
	cores      float64         // by all nodes together
}

// arrive registers one user after the other for a while, each at one node.
// (Users who leave contacts behind at other nodes are listed there every second,
// which is another measurement.)
func arrive(all []*member, rate, sampled int) (t took, err error) {
	watchers := make([]*watcher, len(all))
	for i, m := range all {
		if watchers[i], err = newWatcher(m.addr + ":" + port); err != nil {
			return t, err
		}
		defer watchers[i].close()
	}
	rng := rand.New(rand.NewPCG(1, 1))
	results := make(chan []time.Duration)
	open, lost := 0, 0
	take := func(r []time.Duration) {
		open--
		if len(r) < len(all)-1 {
			lost++
			return
		}
		t.each = append(t.each, r...)
		t.last = append(t.last, slices.Max(r))
	}
	cpu, began := cpuOf(all), time.Now()
	n := 0
	for time.Since(began) < changesTime {
		if behind := time.Until(began.Add(time.Duration(n) * time.Second / time.Duration(rate))); behind > 0 {
			select {
			case r := <-results:
				take(r)
				continue
			case <-time.After(behind):
			}
		}
		to := rng.IntN(len(all))
		user := fmt.Sprint("user-", n)
		now := time.Now()
		all[to].pbx.Register(user, fmt.Sprintf("sip:%s@192.0.2.7:%d", user, 1024+n%60000), time.Hour)
		if n++; n%sampled == 0 {
			open++
			go func() { results <- seen(watchers, to, user, all[to].name, now) }()
		}
	}
	t.rate = float64(n) / time.Since(began).Seconds()
	t.cores = (cpuOf(all) - cpu).Seconds() / time.Since(began).Seconds()
	for open > 0 {
		take(<-results)
	}
	if len(t.each) == 0 || lost > 0 {
		return t, fmt.Errorf("%d of %d sampled changes did not reach every node", lost, n/sampled)
	}
	return t, nil
}

// seen asks every node but one for a user until it answers with a home, and
// returns how long each took.
func seen(watchers []*watcher, home int, user, name string, since time.Time) (out []time.Duration) {
	results := make(chan time.Duration, len(watchers))
	for i, w := range watchers {
		if i != home {
			go func() { results <- w.until(user+".users."+origin, "@"+name+".nodes.", since) }()
		}
	}
	for range len(watchers) - 1 {
		if d := <-results; d > 0 {
			out = append(out, d)
		}
	}
	return out
}

func cpuOf(all []*member) (sum time.Duration) {
	for _, m := range all {
		sum += m.c.p.cpu()
	}
	return sum
}

// millis is a quantile.
func millis(all []time.Duration, q float64) string {
	s := slices.Sorted(slices.Values(all))
	return fmt.Sprintf("%.1f", s[min(len(s)-1, int(q*float64(len(s))))].Seconds()*1e3)
}
