package simulation

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/peer"
	"github.com/asterfed/asterfed/zone/primary"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/tsig"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
)

const (
	origin = "fed.example."
	ttl    = 5
)

var transferKey = &tsig.Key{Name: "transfer.", Algorithm: dns.HmacSHA256, Secret: "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}

// node is asterfed on a host, joined together as plugin/federation does it.
type node struct {
	fed   *federation
	index int
	name  string
	host  *host
	dir   string // of the journal, "" keeps nothing

	clock    *location.Clock
	view     *answer.Zone
	primary  *primary.Primary
	notifier *peer.Notifier
	server   *dns.Server
	gossip   *gossip
	up       atomic.Int32 // other members that Serf calls alive
	mesh     atomic.Bool  // connects to members

	ctx    context.Context
	cancel context.CancelFunc
	tasks  sync.WaitGroup
	mu     sync.Mutex
	peers  map[string]*peer.Peer
}

func newNode(f *federation, index int, host *host, dir string) *node {
	return &node{fed: f, index: index, name: fmt.Sprintf("pbx-%04d", index), host: host, dir: dir}
}

// start begins a life of the node; seed is a host whose node it joins.
func (n *node) start(seed *host) error {
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.peers = map[string]*peer.Peer{}
	n.up.Store(0)
	n.clock = location.NewClock(time.Now)
	n.view = answer.New(answer.Config{Order: answer.Newest}, view.New(view.Config{Origin: origin, Self: n.name, TTL: ttl * time.Second}))
	var journal *primary.Journal
	if n.dir != "" {
		j, aside, err := primary.OpenJournal(n.dir, n.name, origin)
		if err != nil || aside != nil {
			return fmt.Errorf("open journal of %s: %v, %w", n.name, aside, err)
		}
		journal = j
	}
	addr, _ := netip.AddrFromSlice(n.host.ip)
	n.primary = primary.New(primary.Config{Zone: n.view.Own(), Clock: n.clock, Journal: journal, Logger: quiet,
		Node: record.Node{Name: n.name, Addrs: []netip.Addr{addr}, SIP: []record.Transport{{Proto: "udp", Port: 5060}},
			Region: "eu", Asterisk: "22.5.0", State: record.Up}})
	n.notifier = peer.NewNotifier(n.primary, origin)
	n.view.SetSettled(true)
	if err := n.serve(); err != nil {
		return err
	}
	g, err := startGossip(n.ctx, n)
	if err != nil {
		return err
	}
	n.gossip = g
	if seed != nil {
		n.tasks.Go(func() { g.join(n.ctx, seed) })
	}
	return nil
}

var quiet = slog.New(slog.DiscardHandler)

// stop ends the node as kill -9 does: nobody is told.
func (n *node) stop() error {
	n.cancel()
	err := n.gossip.serf.Shutdown()
	if e := n.server.Shutdown(); err == nil {
		err = e
	}
	n.tasks.Wait()
	if e := n.primary.Close(); err == nil {
		err = e
	}
	return err
}

// meet connects to a member, or dials at once when it is back.
func (n *node) meet(name, addr string, back bool) {
	if !n.mesh.Load() || n.ctx.Err() != nil {
		return
	}
	other := n.fed.byName[name]
	if other == nil || !n.fed.meshed(n.index, other.index) {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if p := n.peers[name]; p != nil {
		if back {
			p.Redial()
		}
		return
	}
	n.peers[name] = n.connect(other, addr)
}

func (n *node) connect(other *node, addr string) *peer.Peer {
	home := n.view.Home(other.name)
	d := &detector{node: n, other: other, home: home}
	seen := uint32(0)
	p := peer.New(peer.Config{
		Node: other.name, Addr: addr, Origin: origin, Key: transferKey, Home: home, Own: n.notifier, Clock: n.clock,
		Heard: d.Heard, Lost: d.Lost, Logger: quiet, Dial: n.host.dial, Peers: func() int { return len(n.fed.nodes) - 1 },
		Pulled: func() {
			now := home.Version().Serial
			n.fed.lag.arrived(other.index, seen, now)
			seen = now
		},
	})
	n.tasks.Go(func() { p.Run(n.ctx) })
	return p
}

func (n *node) peer(name string) *peer.Peer {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.peers[name]
}

func (n *node) serfFailed(name string) {
	if p := n.peer(name); p != nil {
		p.Probe()
	}
	n.fed.faults.note(serfFailed, n, n.fed.byName[name])
}

// update changes the bindings of the node and keeps the time for the lag.
func (n *node) update(f func(*location.Store) []location.Change) error {
	if _, err := n.primary.Update(f); err != nil {
		return fmt.Errorf("update %s: %w", n.name, err)
	}
	n.fed.lag.left(n.index, n.primary.Version().Serial)
	return nil
}
