package node

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/config"
	"github.com/asterfed/asterfed/serf"
	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/peer"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/stream"
	"github.com/asterfed/asterfed/zone/tsig"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
)

const testZone = "fed.example."

var testKey = &tsig.Key{Name: "transfer.", Algorithm: dns.HmacSHA256, Secret: "c2VjcmV0c2VjcmV0c2VjcmV0"}

// nobody is the membership of a node that is alone.
type nobody struct{ left chan struct{} }

func (nobody) Members() []serf.Member                        { return nil }
func (nobody) Joined() bool                                  { return true }
func (nobody) JoinErrors() []*serf.JoinError                 { return nil }
func (nobody) SetTags(map[string]string) error               { return nil }
func (nobody) Distance(string, string) (time.Duration, bool) { return 0, false }
func (n nobody) Left() <-chan struct{}                       { return n.left }
func (nobody) Err() error                                    { return nil }
func (nobody) Shutdown() error                               { return nil }

// begin starts a node without Serf, of what settings say, in a directory of its
// own unless they name one.
func begin(t testing.TB, log *slog.Logger, settings config.Config) *Node {
	t.Helper()
	settings.Origin, settings.TTL, settings.Key = testZone, 5*time.Second, testKey
	if settings.Node == "" {
		settings.Node = "pbx-a"
	}
	settings.SIP = []record.Transport{{Proto: "udp", Port: 5060}}
	if settings.Data == "" {
		settings.Data = t.TempDir()
	}
	n, err := Start(Config{Settings: &settings, Version: "test", Logger: log,
		Join: func(context.Context, serf.Config) (Membership, error) { return nobody{make(chan struct{})}, nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Stop() })
	return n
}

func newTestNode(t testing.TB, settings config.Config) *Node {
	return begin(t, slog.New(slog.DiscardHandler), settings)
}

// answering answers transfers of home zones on loopback, over TCP; what it does not
// have is REFUSED.
func answering(t *testing.T, homes map[string]stream.Zone) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	up := make(chan struct{})
	s := &dns.Server{Listener: l, TsigSecret: map[string]string{testKey.Name: testKey.Secret}, NotifyStartedFunc: func() { close(up) },
		Handler: dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
			q := r.Question[0]
			m := new(dns.Msg).SetReply(r)
			z := homes[q.Name]
			if z == nil {
				m.Rcode = dns.RcodeRefused
				m.SetTsig(testKey.Name, testKey.Algorithm, 300, time.Now().Unix())
				w.WriteMsg(m)
				return
			}
			stream.Answer(z, stream.Query{Origin: testZone, Apex: q.Name, TTL: 5}, stream.Reply{Msg: m, Key: testKey, MAC: r.IsTsig().MAC,
				Send: func(wire []byte) error { _, err := w.Write(wire); return err }})
		})}
	go s.ActivateAndServe()
	<-up
	t.Cleanup(func() { s.Shutdown() })
	return l.Addr().String()
}

// A node that lost its data asks until a peer has answered, and takes the
// word of one that has nothing only if no other is still to answer.
func TestRecover(t *testing.T) {
	lost := location.Binding{AOR: "1001", Kind: location.PJSIP, Contact: 7, Stamp: 1 << 40}
	held := answer.New(answer.Config{}, view.New(view.Config{Origin: testZone, Self: "pbx-b", TTL: time.Second})).Home("pbx-a")
	held.Replace(record.Version{Epoch: "00000000000000aa", Serial: 4711}, &record.Node{Name: "pbx-a", State: record.Up}, []location.Binding{lost})
	a := newTestNode(t, config.Config{})
	a.recovery.asking.Store(2)
	var refusals atomic.Int32
	peer := func(node, addr string, refuse int32) *peer.Peer {
		return peer.New(peer.Config{Node: node, Addr: addr, Origin: testZone, Key: testKey, Home: a.view.Home(node), Own: a.peers.own,
			Clock: a.clock, Heard: func() {}, Lost: func(error) {}, Logger: a.log,
			Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
				if refusals.Add(1) <= refuse {
					return nil, errors.New("connection refused")
				}
				return new(net.Dialer).DialContext(ctx, network, addr)
			}})
	}
	a.recovery.from(t.Context(), peer("pbx-c", answering(t, nil), 0))
	if a.recovery.recovered.Load() {
		t.Error("one peer has nothing, the other has not answered: nothing is settled")
	}
	refusals.Store(0)
	a.recovery.from(t.Context(), peer("pbx-b", answering(t, map[string]stream.Zone{"pbx-a.homes." + testZone: stream.Replica{Home: held}}), 2))
	if !a.recovery.recovered.Load() {
		t.Error("a peer has answered")
	}
	v, _, all := a.primary.Snapshot()
	if len(all) != 1 || all[0] != lost || !record.Newer(v.Serial, 4711) || v.Epoch == "00000000000000aa" {
		t.Errorf("recovered %v at %v, want %v above serial 4711 in an epoch of its own", all, v, lost)
	}
}

// A request in this node's tags drains it, over a restart too, and is undone by
// another.
func TestDrainByTag(t *testing.T) {
	settings := config.Config{Data: t.TempDir()}
	state := func(n *Node, want record.NodeState) {
		t.Helper()
		until(t, func() bool { return n.primary.Node().State == want })
	}
	tags := make(chan func(serf.Member), 1)
	start := func() *Node {
		s := settings
		s.Origin, s.Node, s.TTL, s.Key = testZone, "pbx-a", time.Second, testKey
		n, err := Start(Config{Settings: &s, Logger: slog.New(slog.DiscardHandler),
			Join: func(_ context.Context, c serf.Config) (Membership, error) {
				tags <- c.OnTags
				return nobody{make(chan struct{})}, nil
			}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { n.Stop() })
		return n
	}
	ask := func(f func(serf.Member), what string) { f(serf.Member{Tags: map[string]string{requestTag: what}}) }
	n := start()
	f := <-tags
	state(n, record.Up)
	ask(f, "nonsense")
	ask(f, requestDrain)
	for n.primary.Node().State != record.Draining { // Serf reports again and again
		ask(f, requestDrain)
		<-time.After(time.Millisecond)
	}
	n.Stop()
	n = start()
	f = <-tags
	state(n, record.Draining)
	ask(f, requestUndo)
	state(n, record.Up)
}

// until polls.
func until(t *testing.T, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !f(); <-time.After(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not in time")
		}
	}
}

// A start that fails leaves nothing open: the next one works.
func TestFailedStartLeavesNothingOpen(t *testing.T) {
	s := config.Config{Origin: testZone, Node: "pbx-a", TTL: time.Second, Key: testKey, Data: t.TempDir(), History: config.History{Age: time.Hour, Bytes: 1 << 20}}
	taken := errors.New("address in use")
	for range 2 {
		n, err := Start(Config{Settings: &s, Logger: slog.New(slog.DiscardHandler),
			Join: func(context.Context, serf.Config) (Membership, error) { return nil, taken }})
		if n != nil || !errors.Is(err, taken) {
			t.Errorf("started %v, %v", n, err)
		}
	}
	newTestNode(t, s)
	s.Data = "/dev/null/data"
	if n, err := Start(Config{Settings: &s, Logger: slog.New(slog.DiscardHandler)}); n != nil || err == nil {
		t.Errorf("started %v, %v", n, err)
	}
}

// register registers a user at a node.
func register(n *Node, user location.AOR) {
	n.primary.Update(func(s *location.Store) []location.Change {
		return s.Register(location.Contact{AOR: user, Kind: location.PJSIP, URI: "sip:" + string(user) + "@192.0.2.9"})
	})
}

// logBuffer is a log that a test reads while a node writes it.
type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// The version that each node runs is among the figures, until it leaves.
func TestVersionsOfNodes(t *testing.T) {
	n := newTestNode(t, config.Config{})
	n.peers.meet(serf.Member{Name: "pbx-b", Tags: map[string]string{"zone": testZone, "dns": "127.0.0.1:1", "asterfed": "1.2.3\n"}})
	n.peers.meet(serf.Member{Name: "pbx-c", Tags: map[string]string{"zone": testZone, "dns": "127.0.0.2:1"}}) // of an older version
	want := map[string]string{"pbx-a": "test", "pbx-b": "1.2.3_"}
	if got := n.Metrics().Versions; !maps.Equal(got, want) {
		t.Errorf("versions %v, want %v", got, want)
	}
	n.peers.part("pbx-b")
	delete(want, "pbx-b")
	if got := n.Metrics().Versions; !maps.Equal(got, want) {
		t.Errorf("after a leave: versions %v, want %v", got, want)
	}
}
