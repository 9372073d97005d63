package peer

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/record"
)

// What a receiving node has to stand: so many homes, each of which makes a step
// of changes every 20 ms, which is 1,000 changes/s of each and 50,000 in all.
const (
	sustainedHomes = 50
	sustainedStep  = 20 // changes
	sustainedEvery = 20 * time.Millisecond
)

// receiverEnv makes primaries (primariesEnv) send their news to the node at this
// address, and make as many steps as each line of standard input says.
const receiverEnv = "ASTERFED_TEST_RECEIVER" // host:port

func init() {
	if receiver := os.Getenv(receiverEnv); receiver != "" {
		sustainPrimaries(os.Getenv(primariesEnv), receiver)
		os.Exit(0)
	}
}

// sustainPrimaries writes, when all steps are made, the version that each led to
// and when it was begun, as UNIX time in nanoseconds: a line for each home.
func sustainPrimaries(spec, receiver string) {
	var homes, users int
	fmt.Sscan(spec, &homes, &users)
	var nodes []*meshNode
	for h := range homes {
		n := newHome(h, homes, users)
		go n.peer("cold", receiver, func() {}).Run(context.Background())
		fmt.Println(n.addr)
		nodes = append(nodes, n)
	}
	runtime.GC()
	fmt.Println("ready")
	out := bufio.NewWriter(os.Stdout)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); out.Flush() {
		var steps int
		fmt.Sscan(in.Text(), &steps)
		logs, began := make([]strings.Builder, homes), time.Now()
		var tasks sync.WaitGroup
		for h, n := range nodes {
			tasks.Go(func() {
				for step := range steps { // homes take turns
					due := began.Add(time.Duration(step)*sustainedEvery + time.Duration(h)*sustainedEvery/time.Duration(homes))
					<-time.After(time.Until(due))
					at := time.Now()
					block(n, h, homes, users/homes, step)
					fmt.Fprintf(&logs[h], "%d %d ", n.primary.Version().Serial, at.UnixNano())
				}
			})
		}
		tasks.Wait()
		for h := range logs {
			fmt.Fprintln(out, logs[h].String())
		}
	}
}

// block gives users of a home, far from each other, a second contact, and takes
// it from the same users in the next step.
func block(n *meshNode, h, homes, users, step int) {
	const apart = 7919 // a prime, so that all are different
	n.second(h, homes, func(yield func(int) bool) {
		for j := range sustainedStep {
			if !yield((step/2*sustainedStep + j) * apart % users) {
				return
			}
		}
	}, step%2 == 0)
}

// reached is when a home was at a version, or was to be.
type reached struct {
	serial uint32
	at     int64 // UNIX time in nanoseconds
}

// sustained is what a node has done with the changes that it was offered.
type sustained struct {
	offered   float64         // changes/s that the primaries made
	applied   float64         // changes/s, until the last one is in the view
	cpu       float64         // cores that this process used
	primaries float64         // and the primaries
	change    time.Duration   // CPU of this process for one
	behind    []time.Duration // from when a step began to be made until the view had it
}

// sustain offers a node that follows the homes of primaries steps of changes
// for d.
func sustain(b *testing.B, users int, d time.Duration) (out sustained) {
	node := newMeshNode("cold")
	b.Setenv(receiverEnv, node.addr)
	f := &follower{primaries: startPrimaries(b, sustainedHomes, users), node: node, users: users, news: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(b.Context())
	var tasks sync.WaitGroup
	had := make([][]reached, sustainedHomes)
	for i, addr := range f.addrs {
		name := fmt.Sprintf("pbx-%d", i)
		home := node.view.Home(name)
		p := node.peer(name, addr, func() {
			had[i] = append(had[i], reached{home.Version().Serial, time.Now().UnixNano()})
			poke(f.news)
		})
		tasks.Go(func() { p.Run(ctx) })
	}
	f.await(b, users)
	runtime.GC()

	steps := int(d / sustainedEvery)
	cpu, theirs, began := cpuTime(), cpuOf(f.pid), time.Now()
	fmt.Fprintln(f.in, steps)
	lines := make([]string, sustainedHomes)
	for h := range lines {
		if !f.out.Scan() {
			b.Fatal("primaries made no changes")
		}
		lines[h] = f.out.Text()
	}
	used, wall := cpuTime()-cpu, time.Since(began)
	out.cpu, out.primaries = used.Seconds()/wall.Seconds(), (cpuOf(f.pid)-theirs).Seconds()/wall.Seconds()
	changes := steps * sustainedStep * sustainedHomes
	out.change = used / time.Duration(changes)
	made := make([][]reached, sustainedHomes)
	for h, line := range lines {
		made[h] = steady(b, line, steps)
		for node.view.Home(fmt.Sprintf("pbx-%d", h)).Version().Serial != made[h][steps-1].serial {
			select {
			case <-f.news:
			case <-time.After(time.Minute):
				b.Fatalf("pbx-%d: the last changes have not arrived a minute later", h)
			}
		}
	}
	cancel()
	tasks.Wait()
	node.close()
	var offered, applied int64 // when the last was
	for h := range made {
		i := 0
		for _, m := range made[h] {
			for record.Newer(m.serial, had[h][i].serial) {
				i++
			}
			out.behind = append(out.behind, time.Duration(had[h][i].at-m.at))
			offered, applied = max(offered, m.at), max(applied, had[h][i].at)
		}
	}
	slices.Sort(out.behind)
	out.offered = float64(changes) / time.Unix(0, offered).Sub(began).Seconds()
	out.applied = float64(changes) / time.Unix(0, applied).Sub(began).Seconds()
	return out
}

// steady reads a line of a home's steps.
func steady(b *testing.B, line string, steps int) (out []reached) {
	var r reached
	for in := strings.NewReader(line); ; out = append(out, r) {
		if n, _ := fmt.Fscan(in, &r.serial, &r.at); n < 2 {
			break
		}
	}
	if len(out) != steps {
		b.Fatalf("%d of %d steps made", len(out), steps)
	}
	return out
}

// BenchmarkScaleSustained offers a node 50,000 changes/s of 50 homes for ten
// seconds, by NOTIFY and transfers over TCP with TSIG: with few users, with
// many, and with few again. The primaries are another process on the same
// cores. CPU of a change falls where the view is behind: more of them then come
// in one message.
func BenchmarkScaleSustained(b *testing.B) {
	d, few := 10*time.Second, 1000
	if testing.Short() {
		d = time.Second
	}
	large := slices.Max(sizes())
	for b.Loop() {
		var best [2]time.Duration
		for _, users := range []int{few, large, few} {
			s := sustain(b, users, d)
			name, i := "few", 0
			if users == large {
				name, i = "many", 1
			}
			if best[i] == 0 || s.change < best[i] {
				best[i] = s.change
			}
			b.ReportMetric(s.offered, name+"-offered/s")
			b.ReportMetric(s.applied, name+"-applied/s")
			b.ReportMetric(s.cpu, name+"-cores")
			b.ReportMetric(s.primaries, name+"-cores-of-primaries")
			b.ReportMetric(s.behind[len(s.behind)/2].Seconds()*1e3, name+"-behind-p50-ms")
			b.ReportMetric(s.behind[len(s.behind)*99/100].Seconds()*1e3, name+"-behind-p99-ms")
			b.ReportMetric(s.behind[len(s.behind)-1].Seconds()*1e3, name+"-behind-max-ms")
		}
		b.ReportMetric(float64(best[0].Nanoseconds())/1e3, "few-cpu-µs/change")
		b.ReportMetric(float64(best[1].Nanoseconds())/1e3, "many-cpu-µs/change")
		b.ReportMetric(float64(best[1])/float64(best[0]), "ratio")
	}
}
