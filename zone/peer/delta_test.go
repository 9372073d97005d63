package peer

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
)

// follower is a node that follows the homes of primaries.
type follower struct {
	*primaries
	node  *meshNode
	users int
	news  chan struct{}
	stop  func()
}

func follow(b *testing.B, homes, users int) *follower {
	f := &follower{primaries: startPrimaries(b, homes, users), node: newMeshNode("cold"), users: users, news: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(b.Context())
	var tasks sync.WaitGroup
	for i, addr := range f.addrs {
		p := f.node.peer(fmt.Sprintf("pbx-%d", i), addr, func() { poke(f.news) })
		tasks.Go(func() { p.Run(ctx) })
	}
	f.stop = func() { cancel(); tasks.Wait(); f.node.close() }
	f.await(b, users)
	return f
}

// await waits until the view holds so many bindings.
func (f *follower) await(b *testing.B, bindings int) {
	late := time.After(2 * time.Minute)
	for total(f.node.view) != bindings {
		select {
		case <-f.news:
		case <-late:
			b.Fatalf("%d of %d bindings", total(f.node.view), bindings)
		}
	}
}

// burst makes changes, waits until they are in the view, and returns what that
// took: CPU of this process, and time.
func (f *follower) burst(b *testing.B, n, round int) (cpu, wall time.Duration) {
	used, began := cpuTime(), time.Now()
	f.change(b, n)
	f.await(b, f.users+n*(1-round%2))
	return cpuTime() - used, time.Since(began)
}

// BenchmarkScaleTransfer is a change on its way through an incremental transfer,
// TSIG, parsing and the view, at a node that follows 50 homes: with few users and
// with many, and then many changes at once. Heartbeats of half a second bring
// the news, and are counted in.
func BenchmarkScaleTransfer(b *testing.B) {
	const homes, changes = 50, 1000
	rounds := 10
	if testing.Short() {
		rounds = 4
	}
	large := slices.Max(sizes())
	for b.Loop() {
		best := map[int]time.Duration{}
		for _, users := range []int{changes, large, changes} {
			f := follow(b, homes, users)
			runtime.GC()
			for round := range rounds {
				cpu, _ := f.burst(b, changes, round)
				if old, ok := best[users]; !ok || cpu < old {
					best[users] = cpu
				}
			}
			if users == large {
				many := min(50_000, large/2)
				cpu, wall := f.burst(b, many, rounds)
				b.ReportMetric(cpu.Seconds()*1e6/float64(many), "many-cpu-µs/change")
				b.ReportMetric(float64(many)/wall.Seconds(), "many-changes/s")
			}
			f.stop()
		}
		b.ReportMetric(float64(best[changes].Nanoseconds())/1e3/changes, "small-cpu-µs/change")
		b.ReportMetric(float64(best[large].Nanoseconds())/1e3/changes, "large-cpu-µs/change")
		b.ReportMetric(float64(best[large])/float64(best[changes]), "ratio")
	}
}
