package simulation

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/peer"
	"github.com/asterfed/asterfed/zone/primary"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
)

// BenchmarkLoopback is what one heartbeat costs both ends together over the
// kernel's sockets, to compare with what the simulation, which has no kernel,
// says of a peer: that is two heartbeats a second for both nodes.
func BenchmarkLoopback(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	f := newFederation(2, 2, 0, 1, nil)
	for _, n := range f.nodes {
		n.clock = location.NewClock(time.Now)
		n.view = answer.New(answer.Config{}, view.New(view.Config{Origin: origin, Self: n.name, TTL: time.Second}))
		n.primary = primary.New(primary.Config{Zone: n.view.Own(), Clock: n.clock, Logger: quiet, Node: record.Node{Name: n.name, State: record.Up}})
	}
	near, far := f.nodes[0], f.nodes[1]
	up := make(chan struct{})
	s := &dns.Server{Listener: l, MaxTCPQueries: -1, MsgAcceptFunc: peer.Accept, Handler: dns.HandlerFunc(far.answer),
		TsigSecret: map[string]string{transferKey.Name: transferKey.Secret}, NotifyStartedFunc: func() { close(up) }}
	go s.ActivateAndServe()
	<-up
	defer s.Shutdown()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var heard atomic.Int64
	enough := make(chan struct{})
	want := int64(max(b.N, 10)) // of which the first few are no heartbeats
	p := peer.New(peer.Config{Node: far.name, Addr: l.Addr().String(), Origin: origin, Key: transferKey, Home: near.view.Home(far.name),
		Own: peer.NewNotifier(near.primary, origin), Clock: near.clock, Logger: quiet, Timing: peer.Timing{Heartbeat: time.Microsecond, Silence: time.Second, Dial: time.Second},
		Heard: func() {
			if heard.Add(1) == want {
				close(enough)
			}
		},
		Lost: func(error) {}})
	b.ResetTimer()
	before := cpu()
	go p.Run(ctx)
	<-enough
	b.ReportMetric((cpu()-before).Seconds()*1e6/float64(want), "cpu-µs/op")
}
