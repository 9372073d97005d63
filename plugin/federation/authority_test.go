package federation

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/config"
	fednode "github.com/asterfed/asterfed/plugin/federation/node"
	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/peer"
	"github.com/asterfed/asterfed/zone/primary"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/tsig"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
)

const testZone = "fed.example."

var testKey = &tsig.Key{Name: "transfer.", Algorithm: dns.HmacSHA256, Secret: "c2VjcmV0c2VjcmV0c2VjcmV0"}

// fakeNode is a node without Serf, AMI and disk, whose peers the test makes.
type fakeNode struct {
	node
	peers map[string]*peer.Peer
}

func (n *fakeNode) Peer(node string) *peer.Peer { return n.peers[node] }
func (n *fakeNode) Transferable() bool          { return true }
func (n *fakeNode) Recovered() bool             { return true }
func (n *fakeNode) Published()                  {}
func (n *fakeNode) Allows(location.AOR) bool    { return true }
func (n *fakeNode) Stop() error                 { return nil }
func (n *fakeNode) Metrics() (m fednode.Metrics) {
	m.Peers = map[string]peer.Stats{}
	for name, p := range n.peers {
		m.Peers[name] = p.Stats()
	}
	return m
}

// peer makes p the connection of an authority to a node.
func (r *authority) peer(name string, p *peer.Peer) { r.node.(*fakeNode).peers[name] = p }

// viewing returns an authority with a view, but without a home zone.
func viewing(t testing.TB, cfg config.Config) *authority {
	r := newAuthority(cfg, slog.New(slog.DiscardHandler))
	v := answer.New(answer.Config{Order: cfg.Order, Selection: cfg.Selection, Dial: cfg.Dial, ITAD: cfg.ITAD, Delegations: cfg.Delegations}, view.New(view.Config{Origin: cfg.Origin, Self: cfg.Node, Addr: cfg.Sender(), TTL: cfg.TTL, Done: r.ctx.Done()}))
	r.serve(&fakeNode{peers: map[string]*peer.Peer{}}, v, nil, location.NewClock(time.Now))
	t.Cleanup(func() { r.stop() })
	return r
}

// newTestAuthority returns an authority with a home zone, but without Serf, AMI
// and disk.
func newTestAuthority(t testing.TB, node string) *authority {
	t.Helper()
	r := viewing(t, config.Config{Origin: testZone, Node: node, TTL: 5 * time.Second, Key: testKey})
	r.primary = primary.New(primary.Config{Zone: r.zone.Own(), Clock: r.clock, Logger: r.log, Node: record.Node{Name: node, State: record.Up, SIP: []record.Transport{{Proto: "udp", Port: 5060}}, Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}})
	return r
}

// serve answers for the authority on loopback, over TCP.
func serve(t *testing.T, r *authority) string {
	t.Helper()
	return answering(t, func(f *Federation, w dns.ResponseWriter, m *dns.Msg) { f.ServeDNS(context.Background(), w, m) }, r)
}

// answering answers with what answer makes of each message.
func answering(t *testing.T, answer func(*Federation, dns.ResponseWriter, *dns.Msg), r *authority) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f, up := newFederation(r), make(chan struct{})
	s := &dns.Server{Listener: l, TsigSecret: map[string]string{testKey.Name: testKey.Secret}, NotifyStartedFunc: func() { close(up) },
		Handler: dns.HandlerFunc(func(w dns.ResponseWriter, m *dns.Msg) { answer(f, w, m) })}
	go s.ActivateAndServe()
	<-up
	t.Cleanup(func() { s.Shutdown() })
	return l.Addr().String()
}

// A NOTIFY that comes before its receiver has met the sender is refused, and
// does not cost the connection.
func TestNotifyBeforeBothHaveMet(t *testing.T) {
	a, b := newTestAuthority(t, "pbx-a"), newTestAuthority(t, "pbx-b")
	lost := make(chan error, 10)
	pulled := make(chan struct{}, 10)
	peer := peer.New(peer.Config{Node: "pbx-b", Addr: serve(t, b), Origin: testZone, Key: testKey, Home: a.zone.Home("pbx-b"),
		Own: peer.NewNotifier(a.primary, testZone), Clock: a.clock, Heard: func() {}, Lost: func(err error) { lost <- err }, Pulled: func() { pulled <- struct{}{} },
		Timing: peer.Timing{Heartbeat: 20 * time.Millisecond, Silence: 1250 * time.Millisecond, Dial: time.Second}, Logger: a.log})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { peer.Run(ctx); close(done) }()
	defer func() { cancel(); <-done }()
	<-pulled
	for i := range 3 { // each new version is announced, and refused
		a.primary.SetNode(func(n *record.Node) { n.State = []record.NodeState{record.Down, record.Up}[i%2] })
		b.primary.SetNode(func(n *record.Node) { n.State = []record.NodeState{record.Down, record.Up}[i%2] })
		select {
		case <-pulled:
		case err := <-lost:
			t.Fatalf("connection lost: %v", err)
		}
	}
	select {
	case err := <-lost:
		t.Errorf("connection lost: %v", err)
	default:
	}
}

// A node whose clock is off by an hour goes on with its peers: it signs by their
// time, and says so. Once its clock is set, it signs by its own again. Each of
// the two costs one connection.
func TestClocksThatDiffer(t *testing.T) {
	const maxDials = 4 // one that learns, one that serves, its AXFR, and one once the clock is set
	for _, off := range []time.Duration{time.Hour, -time.Hour} {
		a, b := newTestAuthority(t, "pbx-a"), newTestAuthority(t, "pbx-b")
		pulled := make(chan struct{}, 10)
		var wrong, dials atomic.Int64
		wrong.Store(int64(off))
		addr := serve(t, b)
		peer := peer.New(peer.Config{Node: "pbx-b", Addr: addr, Origin: testZone, Key: testKey, Home: a.zone.Home("pbx-b"),
			Own: peer.NewNotifier(a.primary, testZone), Clock: a.clock, Heard: func() {}, Lost: func(err error) { t.Errorf("lost: %v", err) },
			Refused: func(err error) { t.Errorf("refused: %v", err) }, Pulled: func() { pulled <- struct{}{} }, Logger: a.log,
			Now: func() time.Time { return time.Now().Add(time.Duration(wrong.Load())) },
			Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
				dials.Add(1)
				return new(net.Dialer).DialContext(ctx, network, addr)
			},
			Timing: peer.Timing{Heartbeat: 20 * time.Millisecond, Silence: 1250 * time.Millisecond, Dial: time.Second}})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { peer.Run(ctx); close(done) }()
		news := func() {
			b.primary.Update(func(s *location.Store) []location.Change {
				return s.Register(location.Contact{AOR: "1001", Kind: location.PJSIP, URI: rand.Text()})
			})
			for a.zone.Home("pbx-b").Version() != b.primary.Version() {
				<-pulled
			}
		}
		news()
		if s := peer.Stats().Skew; max(s+off, -s-off) > 2*time.Second {
			t.Errorf("clock is off by %v: learnt that the other is %v ahead", off, s)
		}
		wrong.Store(0)
		news()
		if s := peer.Stats().Skew; s != 0 {
			t.Errorf("clock is set: the other is %v ahead still", s)
		}
		if n := dials.Load(); n > maxDials {
			t.Errorf("clock is off by %v, and set: %d connections were made, want at most %d", off, n, maxDials)
		}
		cancel()
		<-done
	}
}

// scraped is one authority for prometheus.
type scraped struct{ *authority }

func (scraped) Describe(chan<- *prometheus.Desc)      {}
func (s scraped) Collect(ch chan<- prometheus.Metric) { s.authority.Collect(ch) }

// What a peer holds is compared with this node's digest, and the metrics tell.
func TestDigestIsAnsweredAndCompared(t *testing.T) {
	a, b := newTestAuthority(t, "pbx-a"), newTestAuthority(t, "pbx-b")
	b.primary.Update(func(s *location.Store) []location.Change {
		return s.Register(location.Contact{AOR: "1001", Kind: location.PJSIP, URI: "sip:1001"})
	})
	peer := peer.New(peer.Config{Node: "pbx-b", Addr: serve(t, b), Origin: testZone, Key: testKey, Home: a.zone.Home("pbx-b"),
		Own: peer.NewNotifier(a.primary, testZone), Clock: a.clock, Heard: func() {}, Lost: func(err error) { t.Errorf("lost: %v", err) }, Logger: a.log,
		Compare: 10 * time.Millisecond})
	a.peer("pbx-b", peer)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { peer.Run(ctx); close(done) }()
	defer func() { cancel(); <-done }()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(10 * time.Second); peer.Stats().Alike == 0; {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not compared: %+v", peer.Stats())
		}
	}
	got := metricsOf(t, a, "pbx-b")
	if _, ok := got["differs"]; !ok || got["differs"] != 0 || got["comparisons_total equal"] < 1 || got["comparisons_total different"] != 0 {
		t.Errorf("metrics say %v", got)
	}
	if lag, ok := got["replication_lag_seconds"]; !ok || lag < 0 || lag > 10 {
		t.Errorf("lag is %v, %v", lag, ok)
	}
}

// metricsOf returns the metrics of an authority that name a node, by their names
// without the common prefix and their other labels.
func metricsOf(t *testing.T, r *authority, about string) map[string]float64 {
	t.Helper()
	got := map[string]float64{}
	reg := prometheus.NewRegistry()
	reg.MustRegister(scraped{r})
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			node, key := "", strings.TrimPrefix(f.GetName(), "coredns_federation_")
			for _, l := range m.GetLabel() {
				switch l.GetName() {
				case "node":
					node = l.GetValue()
				case "result", "reach":
					key += " " + l.GetValue()
				}
			}
			if node == about {
				got[key] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
	}
	return got
}

// A node that answers every heartbeat but gives no transfer is heard, and what is
// held of it grows old: the lag tells, not the heartbeat.
func TestLagGrowsWhileTransfersFail(t *testing.T) {
	a, b := newTestAuthority(t, "pbx-a"), newTestAuthority(t, "pbx-b")
	var broken atomic.Bool
	addr := answering(t, func(f *Federation, w dns.ResponseWriter, m *dns.Msg) {
		if q := m.Question[0].Qtype; broken.Load() && (q == dns.TypeAXFR || q == dns.TypeIXFR) {
			f.fail(w, m, dns.RcodeRefused)
			return
		}
		f.ServeDNS(context.Background(), w, m)
	}, b)
	peer := peer.New(peer.Config{Node: "pbx-b", Addr: addr, Origin: testZone, Key: testKey, Home: a.zone.Home("pbx-b"),
		Own: peer.NewNotifier(a.primary, testZone), Clock: a.clock, Heard: func() {}, Lost: func(error) {}, Logger: a.log,
		Timing: peer.Timing{Heartbeat: 20 * time.Millisecond, Silence: 5 * time.Second, Dial: time.Second}})
	a.peer("pbx-b", peer)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { peer.Run(ctx); close(done) }()
	defer func() { cancel(); <-done }()
	until := func(what string, ok func() bool) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); !ok(); <-time.After(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: %+v", what, peer.Stats())
			}
		}
	}
	until("not level", peer.Level)
	broken.Store(true)
	b.primary.Update(func(s *location.Store) []location.Change {
		return s.Register(location.Contact{AOR: "1001", Kind: location.PJSIP, URI: "sip:1001"})
	})
	failed := peer.Stats().Failed
	until("no transfer has failed", func() bool { return peer.Stats().Failed > failed })
	before := peer.Stats()
	until("not heard again", func() bool { return peer.Stats().Heard.After(before.Heard.Add(100 * time.Millisecond)) })
	if now := peer.Stats(); !now.Level.Equal(before.Level) {
		t.Errorf("level at %v, though every transfer fails", now.Level)
	}
	if lag := metricsOf(t, a, "pbx-b")["replication_lag_seconds"]; lag < 0.1 {
		t.Errorf("lag is %v s", lag)
	}
	broken.Store(false)
	until("not level again", func() bool { return peer.Stats().Level.After(before.Level) })
}

// A node that left on purpose is no alarm.
func TestLeaveEndsTheAlarm(t *testing.T) {
	r := newTestAuthority(t, "pbx-a")
	home := r.zone.Home("pbx-b")
	home.SetReach(view.Gone)
	r.peer("pbx-b", peer.New(peer.Config{Node: "pbx-b", Addr: "127.0.0.1:1", Origin: testZone, Key: testKey, Home: home, Logger: r.log}))
	if got := metricsOf(t, r, "pbx-b"); got["node_reach gone"] != 1 {
		t.Fatalf("a node that is gone: %v", got)
	}
	delete(r.node.(*fakeNode).peers, "pbx-b")
	if got := metricsOf(t, r, "pbx-b"); len(got) > 2 {
		t.Errorf("after it left: %v", got)
	} else if _, ok := got["node_reach gone"]; ok {
		t.Errorf("still said to be gone: %v", got)
	}
	if got := metricsOf(t, r, "pbx-a"); got["node_reach alive"] != 1 {
		t.Errorf("of the node itself: %v", got)
	}
}

// The plugin ready may ask before the node has started, and while it starts.
func TestReadyBeforeStart(t *testing.T) {
	r := newAuthority(config.Config{Origin: testZone, Node: "pbx-a"}, slog.New(slog.DiscardHandler))
	f := newFederation(r)
	if f.Ready() {
		t.Error("ready before the start")
	}
	asked := make(chan struct{})
	go func() {
		for !f.Ready() {
			runtime.Gosched()
		}
		close(asked)
	}()
	r.serve(&readyNode{}, nil, nil, nil)
	<-asked
	r.stop()
}

// readyNode is a node that is ready at once.
type readyNode struct{ fakeNode }

func (*readyNode) Ready() bool { return true }
