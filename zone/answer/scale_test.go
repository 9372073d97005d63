package answer

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/primary"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
	"golang.org/x/sys/unix"
)

// scaleSizes are what answers, changes and memory are compared at.
func scaleSizes() (small, large int) {
	if testing.Short() {
		return 1_000, 50_000
	}
	return 1_000, 1_000_000
}

// scaleUser names the i-th user: numbers, words, and names of two labels.
func scaleUser(i int) string {
	switch i % 10 {
	case 0:
		return fmt.Sprintf("given%d.surname%d", i, i/10%2000)
	case 1, 2:
		return fmt.Sprintf("user-%06x", i)
	}
	return fmt.Sprintf("97231%07d", i)
}

// scaleView holds n users on 50 homes, spread evenly: neighbours in number
// live at different homes.
func scaleView(n int) *Zone {
	v := New(Config{}, view.New(view.Config{Origin: origin, Self: "pbx-0", TTL: 5 * time.Second}))
	for h := range 50 {
		node := record.Node{Name: fmt.Sprintf("pbx-%d", h), State: record.Up, SIP: []record.Transport{{Proto: "udp", Port: 5060}}}
		var all []location.Binding
		for i := h; i < n; i += 50 {
			all = append(all, binding(scaleUser(i), uint64(i), uint64(i+1)))
		}
		v.Home(node.Name).Replace(record.Version{Epoch: "e", Serial: 1}, &node, all)
	}
	v.SetSettled(true)
	return v
}

// BenchmarkScaleLookup asks for users that are chosen by chance, so that a
// large view pays for what no cache holds, and for the few that a server asks
// for most of the time. It reports the ratio of a large view to a small one in
// CPU time, and beside it what a bare read costs that waits for memory.
func BenchmarkScaleLookup(b *testing.B) {
	small, large := scaleSizes()
	views := map[int]*Zone{small: scaleView(small), large: scaleView(large)}
	for _, spread := range []string{"uniform", "zipf"} {
		b.Run(fmt.Sprintf("%s/%d-to-%d", spread, large, small), func(b *testing.B) {
			runtime.LockOSThread() // CPU time is a thread's
			defer runtime.UnlockOSThread()
			ask := map[int][]string{small: questions(small, spread), large: questions(large, spread)}
			best := map[int]time.Duration{small: time.Hour, large: time.Hour}
			for b.Loop() {
				for n, v := range views {
					began := threadCPU()
					for _, q := range ask[n] {
						v.Lookup(q, dns.TypeNAPTR)
					}
					best[n] = min(best[n], (threadCPU()-began)/time.Duration(len(ask[n])))
				}
			}
			b.ReportMetric(float64(best[small]), "small-ns")
			b.ReportMetric(float64(best[large]), "large-ns")
			b.ReportMetric(float64(best[large])/float64(best[small]), "ratio")
			b.ReportMetric(float64(bareRead()), "bare-read-ns")
		})
	}
	runtime.KeepAlive(views)
}

// threadCPU is what the calling thread has used.
func threadCPU() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		panic(err)
	}
	return time.Duration(t.Nano())
}

// bareRead is the CPU time of one read from anywhere in as much memory as a large
// view takes, where each waits for the one before it.
func bareRead() time.Duration {
	const size, reads = 1 << 24, 200_000 // 128 MB
	next := make([]uint64, size)
	for i := range next {
		next[i] = uint64(i)
	}
	r := rand.New(rand.NewPCG(3, 3))
	for i := size - 1; i > 0; i-- { // one cycle through all (Sattolo)
		j := r.IntN(i)
		next[i], next[j] = next[j], next[i]
	}
	best, at := time.Hour, uint64(0)
	for range 3 {
		began := threadCPU()
		for range reads {
			at = next[at]
		}
		best = min(best, (threadCPU()-began)/reads)
	}
	runtime.KeepAlive(at)
	return best
}

func questions(users int, spread string) []string {
	r := rand.New(rand.NewPCG(1, 1))
	z := rand.NewZipf(r, 1.1, 10, uint64(users-1))
	perm := r.Perm(users)
	out := make([]string, 100_000)
	for i := range out {
		u := r.IntN(users)
		if spread == "zipf" {
			u = perm[z.Uint64()]
		}
		out[i] = scaleUser(u) + ".users." + origin
	}
	return out
}

// BenchmarkScaleChange moves users chosen by chance from one home to another.
func BenchmarkScaleChange(b *testing.B) {
	small, large := scaleSizes()
	views := map[int]*Zone{small: scaleView(small), large: scaleView(large)}
	best := map[int]time.Duration{small: time.Hour, large: time.Hour}
	const moves = 20_000
	for b.Loop() {
		for n, v := range views {
			r := rand.New(rand.NewPCG(1, 1))
			began := time.Now()
			for range moves {
				i := r.IntN(n)
				from, to := v.Home(fmt.Sprintf("pbx-%d", i%50)), v.Home(fmt.Sprintf("pbx-%d", (i+1)%50))
				old := binding(scaleUser(i), uint64(i), uint64(i+1))
				to.Apply(record.Version{Epoch: "e", Serial: 2}, nil, []location.Change{{New: old}})
				from.Apply(record.Version{Epoch: "e", Serial: 2}, nil, []location.Change{{Old: old}})
				from.Apply(record.Version{Epoch: "e", Serial: 2}, nil, []location.Change{{New: old}})
				to.Apply(record.Version{Epoch: "e", Serial: 2}, nil, []location.Change{{Old: old}})
			}
			best[n] = min(best[n], time.Since(began)/(4*moves))
		}
	}
	b.ReportMetric(float64(best[small]), "small-ns")
	b.ReportMetric(float64(best[large]), "large-ns")
	b.ReportMetric(float64(best[large])/float64(best[small]), "ratio")
}

// BenchmarkScaleMemory tells what a user costs in the heap of a view.
func BenchmarkScaleMemory(b *testing.B) {
	_, large := scaleSizes()
	for b.Loop() {
		before := heap()
		v := scaleView(large)
		b.ReportMetric(float64(heap()-before)/float64(large), "heap-B/user")
		runtime.KeepAlive(v)
	}
}

func heap() int64 {
	runtime.GC()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkScaleStart opens the journal of a home with many users and makes
// the primary of it.
func BenchmarkScaleStart(b *testing.B) {
	_, users := scaleSizes()
	dir := b.TempDir()
	j, _, err := primary.OpenJournal(dir, "pbx-0", origin)
	if err != nil {
		b.Fatal(err)
	}
	all := make([]location.Binding, users)
	for i := range all {
		all[i] = binding(scaleUser(i), uint64(i), uint64(i+1))
	}
	if err := j.Rewrite(record.Version{Epoch: "e", Serial: 7}, &record.Node{Name: "pbx-0", State: record.Up}, all); err != nil {
		b.Fatal(err)
	}
	if err := j.Close(); err != nil {
		b.Fatal(err)
	}
	best := time.Hour
	for b.Loop() {
		began := time.Now()
		j, _, err := primary.OpenJournal(dir, "pbx-0", origin)
		if err != nil {
			b.Fatal(err)
		}
		v := New(Config{}, view.New(view.Config{Origin: origin, Self: "pbx-0", TTL: 5 * time.Second}))
		p := primary.New(primary.Config{Zone: v.Own(), Clock: location.NewClock(time.Now), Node: record.Node{Name: "pbx-0", State: record.Up}, Journal: j})
		best = min(best, time.Since(began))
		if n := v.Home("pbx-0").Len(); n != users {
			b.Fatalf("%d users after the start, want %d", n, users)
		}
		p.Close()
	}
	b.ReportMetric(best.Seconds(), "best-s")
}
