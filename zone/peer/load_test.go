package peer

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/location"
)

var writeCoefficients = flag.String("write-coefficients", "", "`FILE` that BenchmarkCoefficients writes for asterfed plan")

// load is a federation in one process under an even load, and what it costs.
type load struct {
	nodes, users int
	rate         float64 // versions a second and node
	size         int     // changes in each

	time, cpu          time.Duration // of the load, over all nodes
	octets, exchanges  int64
	heap               int64 // of all views
	joinCPU            time.Duration
	joinOctets, copies int64 // bindings transferred to join
}

// counted counts what goes over a connection, both ways.
type counted struct {
	net.Conn
	n *atomic.Int64
}

func (c counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.n.Add(int64(n))
	return n, err
}

func (c counted) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.n.Add(int64(n))
	return n, err
}

// run joins the nodes, moves users for d, and fills in what it has cost.
func (l *load) run(b *testing.B, d time.Duration) {
	ctx, cancel := context.WithCancel(b.Context())
	var tasks sync.WaitGroup
	var octets atomic.Int64
	s := &storm{users: l.users, news: make(chan struct{}, 1)}
	before, cpu := heapInUse(), time.Duration(0)
	for i := range l.nodes {
		s.nodes = append(s.nodes, newMeshNode(fmt.Sprintf("pbx-%d", i)))
		s.register(i, l.users*i/l.nodes, l.users*(i+1)/l.nodes)
	}
	own := heapInUse()
	cpu = cpuTime()
	var peers []*Peer
	for _, from := range s.nodes {
		for _, to := range s.nodes {
			if from == to {
				continue
			}
			p := from.peer(to.name, to.addr, func() { poke(s.news) })
			p.connectTo = func(ctx context.Context, network, addr string) (net.Conn, error) {
				c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
				return counted{c, &octets}, err
			}
			peers = append(peers, p)
			tasks.Go(func() { p.Run(ctx) })
		}
	}
	level := func() bool {
		return !slices.ContainsFunc(s.nodes, func(m *meshNode) bool { return !s.level(m, l.nodes) })
	}
	s.wait(b, level)
	l.joinCPU, l.joinOctets, l.copies = cpuTime()-cpu, octets.Load(), int64(l.users*(l.nodes-1))
	l.heap = heapInUse() - own + (own-before)/2 // half of a primary's is its own view
	incremental := func() (n int64) {
		for _, p := range peers {
			n += p.Stats().Incremental
		}
		return n
	}
	began, cpu0, octets0, ex0 := time.Now(), cpuTime(), octets.Load(), incremental()
	l.move(s, d)
	s.wait(b, level)
	l.time, l.cpu = time.Since(began), cpuTime()-cpu0
	l.octets, l.exchanges = octets.Load()-octets0, incremental()-ex0
	cancel()
	tasks.Wait()
	for _, m := range s.nodes {
		m.close()
	}
}

// move lets the nodes take turns to register size users of the next node.
func (l *load) move(s *storm, d time.Duration) {
	if l.rate == 0 {
		<-time.After(d)
		return
	}
	tick := time.NewTicker(time.Duration(float64(time.Second) / l.rate / float64(l.nodes)))
	defer tick.Stop()
	for k := range int(d.Seconds() * l.rate * float64(l.nodes)) {
		<-tick.C
		i := k % l.nodes
		from := l.users*((i+1)%l.nodes)/l.nodes + k/l.nodes*l.size%max(1, l.users/l.nodes-l.size)
		s.nodes[i].primary.Update(func(st *location.Store) (out []location.Change) {
			for u := from; u < from+l.size; u++ {
				out = append(out, st.Register(location.Contact{AOR: user(u), Kind: location.PJSIP, URI: "sip:" + strconv.Itoa(k)})...)
			}
			return out
		})
	}
}

func heapInUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// coefficient is one figure that asterfed plan reckons with.
type coefficient struct {
	Value   float64 `json:"value"`
	Unit    string  `json:"unit"`
	Meaning string  `json:"meaning"`
}

// header is what IP and TCP add to octets that come many at a time.
const header = 1 + 52.0/1448

// BenchmarkCoefficients measures what asterfed plan reckons with for bindings
// that come many at a time, from three loads of eight nodes that differ in one
// thing each. What a connection and a change by itself cost, test/bench
// measures with whole nodes.
func BenchmarkCoefficients(b *testing.B) {
	const nodes, users, d = 8, 8000, 3 * time.Second
	for b.Loop() {
		idle := load{nodes: nodes, users: users}
		single := load{nodes: nodes, users: users, rate: 20, size: 1}
		many := load{nodes: nodes, users: users, rate: 20, size: 50}
		for _, l := range []*load{&idle, &single, &many} {
			l.run(b, d)
		}
		per := func(l *load) (cpu, octets float64) {
			quiet := l.time.Seconds() / idle.time.Seconds()
			return (l.cpu.Seconds() - quiet*idle.cpu.Seconds()) * 1e6 / float64(l.exchanges),
				(float64(l.octets) - quiet*float64(idle.octets)) / float64(l.exchanges)
		}
		c1, o1 := per(&single)
		c50, o50 := per(&many)
		const more = 49
		out := map[string]coefficient{
			"change_cpu":    {(c50 - c1) / more, "µs", "each binding that changes together with others, over a link, both ends"},
			"change_octets": {(o50 - o1) / more * header, "octets", "the same, on the wire"},
			"join_cpu":      {many.joinCPU.Seconds() * 1e6 / float64(many.copies), "µs", "each user that a cold node transfers, both ends"},
			"join_octets":   {float64(many.joinOctets) / float64(many.copies) * header, "octets", "the same, on the wire"},
			"user_heap":     {float64(many.heap) / float64(nodes*users), "octets", "each user in a node's view"},
			"spacing":       {notifyPace().spacing.Seconds() * 1e3, "ms", "between NOTIFYs under load"},
		}
		for name, c := range out {
			b.ReportMetric(c.Value, name)
		}
		if *writeCoefficients != "" {
			if err := keepCoefficients(*writeCoefficients, out); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// keepCoefficients replaces those of a file that are given.
func keepCoefficients(file string, some map[string]coefficient) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var all map[string]any
	if err := json.Unmarshal(raw, &all); err != nil {
		return err
	}
	kept, ok := all["coefficients"].(map[string]any)
	if !ok {
		return fmt.Errorf("read %s: no coefficients", file)
	}
	for name, c := range some {
		kept[name] = c
	}
	if raw, err = json.MarshalIndent(all, "", "  "); err != nil {
		return err
	}
	return os.WriteFile(file, append(raw, '\n'), 0o644)
}
