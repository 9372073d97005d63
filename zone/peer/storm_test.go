package peer

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
)

// BenchmarkStorm lets every user of a node that died register on ten others
// within a second, and tells how long after the last REGISTER all ten views
// are right, while one of them is asked over UDP all the time. With "stuck",
// a further peer connects to every node, asks for transfers and never reads. With
// two nodes the one that is asked takes as many moves, and shares the machine
// with one other rather than nine, which in life have machines of their own.
func BenchmarkStorm(b *testing.B) {
	users := 10_000
	if testing.Short() {
		users = 2_000
	}
	for _, c := range []struct {
		nodes int
		stuck bool
	}{{10, false}, {10, true}, {2, false}} {
		b.Run(fmt.Sprintf("users=%d/nodes=%d/stuck=%v", users, c.nodes, c.stuck), func(b *testing.B) {
			best := time.Hour
			for b.Loop() {
				s := newStorm(b, c.nodes, users)
				if c.stuck {
					s.addStuck(b)
				}
				took, cpu, asked := s.run(b)
				s.stop()
				if best = min(best, took); best == took {
					b.ReportMetric(took.Seconds()*1e3, "level-ms")
					b.ReportMetric(quantile(asked, 0.5).Seconds()*1e3, "answer-p50-ms")
					b.ReportMetric(quantile(asked, 0.99).Seconds()*1e3, "answer-p99-ms")
					b.ReportMetric(cpu.Seconds()*1e6/float64(users*len(s.nodes)), "cpu-µs/move/node")
				}
			}
		})
	}
}

type storm struct {
	nodes  []*meshNode
	users  int
	cancel context.CancelFunc
	tasks  sync.WaitGroup
	news   chan struct{}
	conns  []net.Conn
}

// newStorm returns n nodes in full mesh that all hold the users of one more,
// which is gone.
func newStorm(b *testing.B, n, users int) *storm {
	s := &storm{users: users, news: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(b.Context())
	s.cancel = cancel
	for i := range n + 1 {
		s.nodes = append(s.nodes, newMeshNode(fmt.Sprintf("pbx-%d", i)))
	}
	s.register(n, 0, users)
	for _, from := range s.nodes[:n] {
		for _, to := range s.nodes {
			if from != to {
				p := from.peer(to.name, to.addr, func() { poke(s.news) })
				s.tasks.Go(func() { p.Run(ctx) })
			}
		}
	}
	dead := s.nodes[n]
	s.wait(b, func() bool {
		return !slices.ContainsFunc(s.nodes[:n], func(m *meshNode) bool { return total(m.view) < users || !s.level(m, n) })
	})
	dead.close()
	s.nodes = s.nodes[:n]
	for _, m := range s.nodes {
		m.view.Home(dead.name).SetReach(view.Gone)
	}
	s.nodes[0].listenUDP()
	return s
}

// register lets users from to to register on a node.
func (s *storm) register(node, from, to int) {
	s.nodes[node].primary.Update(func(st *location.Store) (out []location.Change) {
		for i := from; i < to; i++ {
			out = append(out, st.Register(location.Contact{AOR: user(i), Kind: location.PJSIP, URI: "sip:" + strconv.Itoa(i)})...)
		}
		return out
	})
}

// level reports whether a node holds the newest version of the first n homes.
func (s *storm) level(m *meshNode, n int) bool {
	for _, o := range s.nodes[:n] {
		if m.view.Home(o.name).Version() != o.primary.Version() {
			return false
		}
	}
	return true
}

func (s *storm) wait(b *testing.B, ok func() bool) {
	b.Helper()
	late := time.After(60 * time.Second)
	for !ok() {
		select {
		case <-s.news:
		case <-late:
			b.Fatal("not level after a minute")
		}
	}
}

func (s *storm) run(b *testing.B) (took, cpu time.Duration, asked []time.Duration) {
	cpu = cpuTime()
	ctx, done := context.WithCancel(b.Context())
	answers := make(chan []time.Duration, 1)
	go func() { answers <- s.ask(ctx) }()
	const steps = 100 // of 10 ms
	n := len(s.nodes)
	tick := time.NewTicker(time.Second / steps)
	defer tick.Stop()
	for k := range steps {
		<-tick.C
		from := s.users * k / steps
		size := s.users*(k+1)/steps - from
		for i := range n {
			s.register(i, from+size*i/n, from+size*(i+1)/n)
		}
	}
	last := time.Now()
	s.wait(b, func() bool {
		return !slices.ContainsFunc(s.nodes, func(m *meshNode) bool { return !s.level(m, n) })
	})
	took, cpu = time.Since(last), cpuTime()-cpu
	done()
	asked = <-answers
	s.check(b)
	return took, cpu, asked
}

// check compares every user in every view with where it registered last.
func (s *storm) check(b *testing.B) {
	truth := map[location.AOR]*meshNode{}
	for _, m := range s.nodes {
		_, _, all := m.primary.Snapshot()
		for _, x := range all {
			truth[x.AOR] = m
		}
	}
	if len(truth) != s.users {
		b.Fatalf("%d users have a home, want %d", len(truth), s.users)
	}
	for _, m := range s.nodes {
		for a, home := range truth {
			r := m.view.Lookup("_sip._udp."+a.Fold()+".users."+origin, dns.TypeSRV)
			if len(r.Answer) != 1 || r.Answer[0].(*dns.SRV).Target != record.NodeName(home.name, origin) {
				b.Fatalf("%s answers %v for %s, which is at %s", m.name, r.Answer, a, home.name)
			}
		}
	}
}

// ask asks the first node for one user after the other, 500 a second.
func (s *storm) ask(ctx context.Context) (out []time.Duration) {
	c := &dns.Client{Timeout: time.Second}
	conn, err := c.Dial(s.nodes[0].addr)
	if err != nil {
		return nil
	}
	defer conn.Close()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return out
		case <-tick.C:
		}
		m := new(dns.Msg)
		m.SetQuestion(user(i*7%s.users).Fold()+".users."+origin, dns.TypeNAPTR)
		began := time.Now()
		if _, _, err := c.ExchangeWithConn(m, conn); err == nil {
			out = append(out, time.Since(began))
		} else {
			out = append(out, c.Timeout)
		}
	}
}

// addStuck connects a peer that asks every node for its zone a hundred times
// and never reads, and that every node dials in vain.
func (s *storm) addStuck(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	ctx, cancel := context.WithCancel(b.Context())
	end := s.cancel
	s.cancel = func() { cancel(); end() }
	for _, m := range s.nodes {
		p := m.peer("stuck", l.Addr().String(), func() {})
		s.tasks.Go(func() { p.Run(ctx) })
		conn, err := net.Dial("tcp", m.addr)
		if err != nil {
			b.Fatal(err)
		}
		s.conns = append(s.conns, conn)
		c := &session{conn: conn, key: testKey, pending: map[uint16]*call{}, done: make(chan struct{})}
		for range 100 {
			q := new(dns.Msg)
			q.SetQuestion(record.HomeZone(m.name, origin), dns.TypeAXFR)
			if _, err := c.send(q); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func (s *storm) stop() {
	s.cancel()
	s.tasks.Wait()
	for _, c := range s.conns {
		c.Close()
	}
	for _, m := range s.nodes {
		m.close()
	}
}

func quantile(all []time.Duration, q float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[min(len(all)-1, int(q*float64(len(all))))]
}
