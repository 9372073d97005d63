package node

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/config"
	"github.com/asterfed/asterfed/plugin/federation/liveness"
	"github.com/asterfed/asterfed/serf"
	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/peer"
	"github.com/asterfed/asterfed/zone/record"
)

// member is another node: the connection to it and what its silence means.
type member struct {
	peer   *peer.Peer
	det    *liveness.Detector
	cancel context.CancelFunc
	// refusedAt is when the node last answered to another key, in nanoseconds of
	// the wall clock.
	refusedAt atomic.Int64
	// pulledAt is when the last transfer from it was complete, likewise.
	pulledAt atomic.Int64
}

// transferred notes when a transfer was complete.
func (m *member) transferred(then func()) func() {
	return func() {
		m.pulledAt.Store(time.Now().UnixNano())
		then()
	}
}

// keyRefused reports whether the node answers to another key: each attempt to
// connect shows it.
func (m *member) keyRefused() bool {
	return time.Since(time.Unix(0, m.refusedAt.Load())) < patience
}

// peers are the other nodes of the federation, each with a connection. Safe for
// concurrent use.
type peers struct {
	peersConfig
	compared *comparison

	mu       sync.Mutex
	byName   map[string]*member
	gossiped map[string]bool   // nodes that Serf reaches
	versions map[string]string // of asterfed on each node
}

type peersConfig struct {
	settings *config.Config
	view     *answer.Zone
	clock    *location.Clock
	own      *peer.Notifier // announces the own home zone to them
	recovery *recovery
	tidy     *tidier
	tasks    *tasks
	log      *slog.Logger
}

func newPeers(c peersConfig) *peers {
	return &peers{peersConfig: c, compared: &comparison{settings: c.settings, log: c.log}, byName: map[string]*member{}, gossiped: map[string]bool{}, versions: map[string]string{}}
}

// event takes an event of Serf. This node connects to each member and stays connected
// until that one leaves on purpose. That Serf calls a member failed is only a hint to
// ask it: a node that comes back from isolation receives healthy ones as failed.
func (p *peers) event(e serf.Event) {
	if e.Member.Name == p.settings.Node {
		return
	}
	p.mu.Lock()
	p.gossiped[e.Member.Name] = e.Kind == serf.EventJoin || e.Kind == serf.EventUpdate
	p.mu.Unlock()
	switch e.Kind {
	case serf.EventJoin, serf.EventUpdate:
		p.meet(e.Member)
	case serf.EventLeave:
		p.part(e.Member.Name)
	case serf.EventFailed:
		p.log.Info("serf says failed; asking the node itself", "node", e.Member.Name)
		if m := p.member(e.Member.Name); m != nil {
			m.peer.Probe()
		}
	}
	p.partRenamed()
}

// partRenamed forgets nodes whose DNS server's address another node has now: they
// have been renamed, and did not say that they leave.
func (p *peers) partRenamed() {
	p.mu.Lock()
	holders := map[string]string{p.settings.Transfer.String(): p.settings.Node}
	for name, m := range p.byName {
		if p.gossiped[name] {
			holders[m.peer.Addr()] = name
		}
	}
	renamed := map[string]string{}
	for name, m := range p.byName {
		if now := holders[m.peer.Addr()]; now != "" && now != name && !p.gossiped[name] {
			renamed[name] = now
		}
	}
	p.mu.Unlock()
	for was, now := range renamed {
		p.log.Info("node has another name", "was", was, "now", now)
		p.part(was)
	}
}

func (p *peers) member(node string) *member {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.byName[node]
}

// meet connects to a member, or follows its address.
func (p *peers) meet(m serf.Member) {
	if z := m.Tags["zone"]; z != p.settings.Origin {
		p.log.Warn("member serves another zone; not connected", "node", m.Name, "zone", z)
		return
	}
	if err := record.CheckNodeName(m.Name); err != nil {
		p.log.Warn("member not connected", "err", err)
		return
	}
	addr, err := netip.ParseAddrPort(m.Tags["dns"])
	if err != nil {
		p.log.Warn("member not connected: tag dns is no IP:PORT", "node", m.Name, "dns", m.Tags["dns"])
		return
	}
	p.compared.with(m.Name, m.Tags[settingsTag])
	p.mu.Lock()
	defer p.mu.Unlock()
	p.versions[m.Name] = liveness.Printable(m.Tags["asterfed"])
	if old := p.byName[m.Name]; old != nil {
		if old.peer.Addr() != addr.String() {
			p.log.Info("node has moved", "node", m.Name, "to", addr)
			old.peer.SetAddr(addr.String())
		}
		old.peer.Redial()
		return
	}
	p.byName[m.Name] = p.connect(m.Name, addr.String())
	p.log.Info("node joined", "node", m.Name, "dns", addr)
}

// gossips reports whether Serf reaches a node.
func (p *peers) gossips(node string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.gossiped[node]
}

// timing is how soon silence is noticed, by the profile.
func (p *peers) timing() peer.Timing {
	if p.settings.Profile == "wan" {
		return peer.WAN
	}
	return peer.LAN
}

// count returns how many nodes this one follows.
func (p *peers) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.byName)
}

// follow begins to follow a node that an earlier process has known.
func (p *peers) follow(node, addr string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.byName[node] = p.connect(node, addr)
}

// connect begins to follow a node. The caller holds the lock.
func (p *peers) connect(node, addr string) *member {
	ctx, cancel := context.WithCancel(p.tasks.ctx)
	home := p.view.Home(node)
	cfg := liveness.DetectorConfig{Home: home, Patience: liveness.Patience, Logger: p.log.With("node", node),
		Gossip: func() bool { return p.gossips(node) },
		Ask: func(ctx context.Context) error {
			n, _ := home.Node()
			n = n.For(p.view.Client(p.settings.Sender()))
			return liveness.Ask(ctx, n.Addrs, n.SIP)
		}}
	if p.settings.Profile == "wan" {
		cfg.Patience = liveness.PatienceWAN
	}
	det := liveness.NewDetector(cfg)
	p.tasks.run(func(context.Context) { det.Run(ctx) })
	m := &member{det: det, cancel: cancel}
	var follower *peer.Peer
	follower = peer.New(peer.Config{
		Node: node, Addr: addr, Origin: p.settings.Origin, Key: p.settings.Key, Home: home, Own: p.own, Clock: p.clock,
		Timing: p.timing(), Peers: p.count, Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			return dialFrom(ctx, p.settings.Transfer.Addr(), network, addr)
		},
		Heard: det.Heard, Lost: det.Lost, Refused: p.refused(node, m),
		Pulled: m.transferred(p.tidy.after(func() *peer.Peer { return follower })), Logger: p.log.With("source", "peer"),
	})
	m.peer = follower
	p.tasks.run(func(context.Context) { follower.Run(ctx) })
	if p.recovery.fresh {
		p.recovery.asking.Add(1)
		p.tasks.run(func(context.Context) { p.recovery.from(ctx, follower) })
	}
	return m
}

// refused says, now and then, that a node answers to another key: it is
// alive, but nothing can be learnt from it.
func (p *peers) refused(node string, m *member) func(error) {
	n := 0
	return func(err error) {
		if n++; n == 1 || n%300 == 0 {
			p.log.Warn("node does not take this node's transfer key: compare the key files and the clocks", "node", node, "err", err, "count", n)
		}
		m.refusedAt.Store(time.Now().UnixNano())
		m.det.Heard()
	}
}

// part forgets a member that left: its bindings are hidden at once.
func (p *peers) part(node string) {
	p.mu.Lock()
	m := p.byName[node]
	delete(p.byName, node)
	p.mu.Unlock()
	if m == nil {
		return
	}
	m.cancel()
	m.det.Leave()
	p.log.Info("node left", "node", node)
}
