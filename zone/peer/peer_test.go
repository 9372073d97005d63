package peer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/primary"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/stream"
	"github.com/asterfed/asterfed/zone/tsig"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
)

const origin = "fed.example."

var testKey = &tsig.Key{Name: "transfer.", Algorithm: dns.HmacSHA256, Secret: "c2VjcmV0c2VjcmV0c2VjcmV0"}

// node is one home with a real DNS server on loopback.
type node struct {
	t        *testing.T
	name     string
	view     *answer.Zone
	primary  *primary.Primary
	clock    *location.Clock
	addr     string
	server   *dns.Server
	mute     atomic.Bool // answers nothing, as a process that hangs
	deaf     atomic.Bool // answers no NOTIFY
	old      atomic.Bool // takes no NOTIFY with more than a SOA
	full     atomic.Int32
	deltas   atomic.Int32 // IXFR requests
	notified atomic.Pointer[Peer]
}

func newNode(t *testing.T, name, dir string) *node {
	t.Helper()
	n := &node{t: t, name: name, clock: location.NewClock(time.Now)}
	n.view = answer.New(answer.Config{}, view.New(view.Config{Origin: origin, Self: name, TTL: 5 * time.Second}))
	cfg := primary.Config{Zone: n.view.Own(), Clock: n.clock, Logger: slog.New(slog.DiscardHandler),
		Node: record.Node{Name: name, State: record.Up, Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, SIP: []record.Transport{{Proto: "udp", Port: 5060}}}}
	if dir != "" {
		j, _, err := primary.OpenJournal(dir, name, origin)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Journal = j
	}
	n.primary = primary.New(cfg)
	n.listen("127.0.0.1:0")
	t.Cleanup(func() { n.server.Shutdown() })
	return n
}

func (n *node) listen(addr string) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		n.t.Fatal(err)
	}
	n.addr = l.Addr().String()
	up := make(chan struct{})
	n.server = &dns.Server{Listener: l, TsigSecret: map[string]string{testKey.Name: testKey.Secret}, MaxTCPQueries: -1, MsgAcceptFunc: n.accept,
		Handler: dns.HandlerFunc(n.serve), NotifyStartedFunc: func() { close(up) }}
	go n.server.ActivateAndServe()
	<-up
}

func (n *node) accept(h dns.Header) dns.MsgAcceptAction {
	if n.old.Load() {
		return standard(h)
	}
	return Accept(h)
}

func (n *node) serve(w dns.ResponseWriter, r *dns.Msg) {
	if n.mute.Load() || n.deaf.Load() && r.Opcode == dns.OpcodeNotify {
		return
	}
	reply := func(rrs ...dns.RR) error {
		m := new(dns.Msg)
		m.SetReply(r)
		m.Answer = rrs
		if t := r.IsTsig(); t != nil && w.TsigStatus() == nil {
			m.SetTsig(t.Hdr.Name, t.Algorithm, tsig.Fudge, time.Now().Unix())
		} else {
			m.Rcode, m.Answer = dns.RcodeNotAuth, nil
		}
		return w.WriteMsg(m)
	}
	apex := record.HomeZone(n.name, origin)
	switch {
	case r.Opcode == dns.OpcodeNotify:
		if p := n.notified.Load(); p != nil {
			p.HandleNotify(r.Answer, w.RemoteAddr())
		}
		reply()
	case r.Question[0].Qtype == dns.TypeSOA:
		if p := n.notified.Load(); p != nil {
			p.HandleHeartbeat(r.Ns, w.RemoteAddr())
		}
		reply(n.primary.Version().SOA(apex, origin, 5))
	case r.Question[0].Qtype == dns.TypeTXT:
		reply(record.StringsTXT(r.Question[0].Name, 5, n.view.Home(n.name).Digest().Strings()...))
	default:
		var held *record.Version
		if len(r.Ns) > 0 {
			v := record.VersionOf(r.Ns[0].(*dns.SOA))
			held = &v
			n.deltas.Add(1)
		} else {
			n.full.Add(1)
		}
		stream.AnswerRecords(n.primary, stream.Query{Origin: origin, Apex: apex, TTL: 5, From: held}, func(rrs []dns.RR) error {
			err := reply(rrs...)
			w.TsigTimersOnly(true)
			return err
		})
		w.TsigTimersOnly(false)
	}
}

func (n *node) register(aors ...string) {
	n.t.Helper()
	n.primary.Update(func(s *location.Store) (out []location.Change) {
		for _, a := range aors {
			out = append(out, s.Register(location.Contact{AOR: location.AOR(a), Kind: location.PJSIP, URI: "sip:" + a})...)
		}
		return out
	})
}

// follow connects n to peer both ways and returns n's end.
func (n *node) follow(peer *node, key *tsig.Key) (*Peer, chan struct{}, chan error) {
	pulled, lost := make(chan struct{}, 1000), make(chan error, 1000)
	p := New(Config{Node: peer.name, Addr: peer.addr, Origin: origin, Key: key, Home: n.view.Home(peer.name),
		Own: NewNotifier(n.primary, origin), Clock: n.clock, Heard: func() {}, Lost: func(err error) { lost <- err }, Refused: func(err error) { lost <- fmt.Errorf("refused: %w", err) }, Pulled: func() { pulled <- struct{}{} },
		Timing: Timing{50 * time.Millisecond, 300 * time.Millisecond, 700 * time.Millisecond}, Compare: 20 * time.Millisecond,
		Logger: slog.New(slog.DiscardHandler)})
	n.notified.Store(p)
	ctx, cancel := context.WithCancel(n.t.Context())
	done := make(chan struct{})
	go func() { p.Run(ctx); close(done) }()
	n.t.Cleanup(func() { cancel(); <-done })
	return p, pulled, lost
}

// level waits until n holds exactly what peer has.
func (n *node) level(peer *node, pulled chan struct{}) {
	n.t.Helper()
	deadline := time.After(10 * time.Second)
	for n.view.Home(peer.name).Version() != peer.primary.Version() {
		select {
		case <-pulled:
		case <-deadline:
			n.t.Fatalf("%s holds %v of %s, want %v", n.name, n.view.Home(peer.name).Version(), peer.name, peer.primary.Version())
		}
	}
	_, _, want := peer.primary.Snapshot()
	got := map[location.Binding]bool{}
	for _, b := range n.view.Home(peer.name).Bindings() {
		got[b] = true
	}
	for _, b := range want {
		if !got[b] {
			n.t.Errorf("%s lacks %v of %s", n.name, b, peer.name)
		}
	}
	if len(got) != len(want) {
		n.t.Errorf("%s holds %d bindings of %s, want %d", n.name, len(got), peer.name, len(want))
	}
}

func TestFollow(t *testing.T) {
	a, b := newNode(t, "pbx-a", ""), newNode(t, "pbx-b", "")
	for i := range 1000 { // several messages
		b.register(fmt.Sprint(2000 + i))
	}
	p, pulled, _ := a.follow(b, testKey)
	_, _, _ = b.follow(a, testKey)
	a.level(b, pulled)
	for i := range 50 {
		b.register(fmt.Sprint(5000+i), "Alice."+fmt.Sprint(i))
	}
	b.primary.Update(func(s *location.Store) []location.Change { return s.Remove("2000", location.PJSIP, "sip:2000") })
	b.primary.SetNode(func(n *record.Node) { n.State = record.Down })
	a.level(b, pulled)
	if n, _ := a.view.Home("pbx-b").Node(); n.State != record.Down {
		t.Errorf("state is %q, want down", n.State)
	}
	if got := b.full.Load(); got != 1 {
		t.Errorf("%d full transfers, want the first one only", got)
	}
	if s := p.Stats(); s.Incremental == 0 || s.RTT == 0 {
		t.Errorf("stats are %+v", s)
	}
}

func TestNewEpochMeansFullTransfer(t *testing.T) {
	a, b := newNode(t, "pbx-a", ""), newNode(t, "pbx-b", "")
	b.register("2000", "2001")
	_, pulled, lost := a.follow(b, testKey)
	a.level(b, pulled)
	b.server.Shutdown() // and comes back without its data, at a lower serial
	<-lost
	addr := b.addr
	b2 := newNode(t, "pbx-b", "")
	b2.server.Shutdown()
	b2.register("2001")
	b2.listen(addr)
	a.level(b2, pulled)
}

func TestSilentPeerIsLost(t *testing.T) {
	a, b := newNode(t, "pbx-a", ""), newNode(t, "pbx-b", "")
	_, pulled, lost := a.follow(b, testKey)
	a.level(b, pulled)
	b.mute.Store(true)
	if err := <-lost; !strings.Contains(err.Error(), "no answer") {
		t.Errorf("lost: %v, want silence", err)
	}
	b.mute.Store(false)
	b.register("2002")
	a.level(b, pulled)
}

func TestWrongKeyLearnsNothing(t *testing.T) {
	a, b := newNode(t, "pbx-a", ""), newNode(t, "pbx-b", "")
	b.register("2000")
	wrong := *testKey
	wrong.Secret = "d3Jvbmc="
	_, _, lost := a.follow(b, &wrong)
	if err := <-lost; !errors.Is(err, errKey) || !strings.HasPrefix(err.Error(), "refused") || !strings.Contains(err.Error(), "NOTAUTH") {
		t.Errorf("got %v, want refused with NOTAUTH: the node is alive", err)
	}
	if n := a.view.Home("pbx-b").Len(); n != 0 {
		t.Errorf("%d bindings came through", n)
	}
}
