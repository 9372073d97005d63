package peer

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/location"
)

// primariesEnv makes this test binary the other nodes of a federation: it
// serves so many homes with so many users until its standard input ends.
const primariesEnv = "ASTERFED_TEST_PRIMARIES" // "homes users"

func TestMain(m *testing.M) {
	if spec := os.Getenv(primariesEnv); spec != "" {
		servePrimaries(spec)
		return
	}
	os.Exit(m.Run())
}

// user names the i-th user: most are numbers, some are words, some have two
// labels.
func user(i int) location.AOR {
	switch i % 10 {
	case 0:
		return location.AOR(fmt.Sprintf("given%d.surname%d", i, i/10%2000))
	case 1, 2:
		return location.AOR(fmt.Sprintf("user-%06x", i))
	}
	return location.AOR(fmt.Sprintf("97231%07d", i))
}

// newHome is the h-th home, with its share of the users.
func newHome(h, homes, users int) *meshNode {
	n := newMeshNode(fmt.Sprintf("pbx-%d", h))
	n.primary.Update(func(s *location.Store) (out []location.Change) {
		for i := h; i < users; i += homes {
			out = append(out, s.Register(location.Contact{AOR: user(i), Kind: location.PJSIP, URI: "sip:" + strconv.Itoa(i)})...)
		}
		return out
	})
	return n
}

func servePrimaries(spec string) {
	var homes, users int
	fmt.Sscan(spec, &homes, &users)
	var nodes []*meshNode
	for h := range homes {
		n := newHome(h, homes, users)
		fmt.Println(n.addr)
		nodes = append(nodes, n)
	}
	runtime.GC()
	debug.FreeOSMemory()
	fmt.Println("ready")
	for round, in := 0, bufio.NewScanner(os.Stdin); in.Scan(); round++ {
		n, _ := strconv.Atoi(in.Text())
		for h, node := range nodes {
			second(node, h, homes, users, n/homes, round)
		}
		fmt.Println("made")
	}
}

// second gives so many users of a home, chosen by chance, a second contact, and
// takes it from them in the next round.
func second(n *meshNode, h, homes, users, many, round int) {
	r := rand.New(rand.NewPCG(uint64(h), uint64(round/2)))
	n.second(h, homes, slices.Values(r.Perm(users / homes)[:many]), round%2 == 0)
}

// second gives some users of the h-th home a second contact, or takes it.
func (n *meshNode) second(h, homes int, some iter.Seq[int], give bool) {
	n.primary.Update(func(s *location.Store) (out []location.Change) {
		for k := range some {
			c := location.Contact{AOR: user(h + k*homes), Kind: location.PJSIP, URI: "sip:second"}
			if give {
				out = append(out, s.Register(c)...)
			} else {
				out = append(out, s.Remove(c.AOR, c.Kind, c.URI)...)
			}
		}
		return out
	})
}

// primaries are homes in a process of their own.
type primaries struct {
	addrs []string // of pbx-0, pbx-1 and so on
	pid   int
	in    io.Writer
	out   *bufio.Scanner
}

// change makes so many changes, spread evenly over the homes.
func (p *primaries) change(b *testing.B, n int) {
	fmt.Fprintln(p.in, n)
	if !p.out.Scan() || p.out.Text() != "made" {
		b.Fatal("primaries made no changes")
	}
}

func startPrimaries(b *testing.B, homes, users int) *primaries {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d %d", primariesEnv, homes, users))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { in.Close(); cmd.Wait() })
	p := &primaries{pid: cmd.Process.Pid, in: in, out: bufio.NewScanner(out)}
	for p.out.Scan() {
		if p.out.Text() == "ready" {
			return p
		}
		p.addrs = append(p.addrs, p.out.Text())
	}
	b.Fatal("primaries ended before they were ready")
	return nil
}

// BenchmarkJoin is a cold node that transfers every home of a federation of
// 50 over TCP with TSIG. The primaries are another process on the same cores.
func BenchmarkJoin(b *testing.B) {
	const homes = 50
	for _, users := range sizes() {
		b.Run(fmt.Sprintf("users=%d", users), func(b *testing.B) {
			p := startPrimaries(b, homes, users)
			best := time.Hour
			debug.FreeOSMemory()
			base := resident()
			for b.Loop() {
				others := cpuOf(p.pid)
				c := join(b, p.addrs, users)
				best = min(best, c.wall)
				b.ReportMetric(best.Seconds(), "best-s")
				b.ReportMetric(c.cpu.Seconds()*1e6/float64(users), "cpu-µs/user")
				b.ReportMetric((cpuOf(p.pid)-others).Seconds()*1e6/float64(users), "primaries-cpu-µs/user")
				b.ReportMetric(c.heap/float64(users), "heap-B/user")
				b.ReportMetric(float64(c.peak-base)/float64(users), "peak-rss-B/user")
				b.ReportMetric(float64(c.rss-base)/float64(users), "rss-B/user")
			}
		})
	}
}

// sizes are the numbers of users to measure with.
func sizes() []int {
	if testing.Short() {
		return []int{20_000}
	}
	return []int{20_000, 1_000_000}
}

type joined struct {
	wall, cpu time.Duration
	heap      float64
	peak, rss int64
}

func join(b *testing.B, addrs []string, users int) (j joined) {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu, began := cpuTime(), time.Now()
	n := newMeshNode("cold")
	ctx, cancel := context.WithCancel(b.Context())
	var tasks sync.WaitGroup
	news := make(chan struct{}, 1)
	for i, addr := range addrs {
		p := n.peer(fmt.Sprintf("pbx-%d", i), addr, func() { poke(news) })
		tasks.Go(func() { p.Run(ctx) })
	}
	peak := time.NewTicker(50 * time.Millisecond)
	defer peak.Stop()
	late := time.After(80 * time.Second)
	for total(n.view) < users {
		select {
		case <-news:
		case <-peak.C:
			j.peak = max(j.peak, resident())
		case <-late:
			b.Fatalf("%d of %d users after 80 s", total(n.view), users)
		}
	}
	j.wall, j.cpu = time.Since(began), cpuTime()-cpu
	cancel()
	tasks.Wait()
	n.close()
	j.rss = resident()
	runtime.GC()
	runtime.ReadMemStats(&after)
	j.heap = float64(after.HeapAlloc) - float64(before.HeapAlloc)
	runtime.KeepAlive(n)
	return j
}

func total(v *answer.Zone) (n int) {
	for _, h := range v.Homes() {
		n += h.Len()
	}
	return n
}

// cpuTime is what this process has used of all cores.
func cpuTime() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// cpuOf is what another process has used, in steps of 10 ms.
func cpuOf(pid int) time.Duration {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(raw), ") ")
	f := strings.Fields(rest) // utime and stime are fields 14 and 15
	u, _ := strconv.Atoi(f[11])
	s, _ := strconv.Atoi(f[12])
	return time.Duration(u+s) * 10 * time.Millisecond
}

// resident is this process's resident set, in octets.
func resident() int64 {
	raw, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	f := strings.Fields(string(raw))
	pages, _ := strconv.ParseInt(f[1], 10, 64)
	return pages * int64(os.Getpagesize())
}
