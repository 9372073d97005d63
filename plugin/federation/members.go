package federation

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/liveness"
	"github.com/asterfed/asterfed/serf"
	"github.com/asterfed/asterfed/zone"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/xfr"
)

// member is another node: the connection to it and what its silence means.
type member struct {
	peer   *xfr.Peer
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

// memberEvent follows Serf: who is there is connected to, and stays so until
// it leaves on purpose. That Serf calls it failed is a hint to look, no more:
// a node back from isolation gets healthy ones falsely failed.
func (r *Runtime) memberEvent(e serf.Event) {
	if e.Member.Name == r.cfg.Node {
		return
	}
	switch e.Kind {
	case serf.EventJoin, serf.EventUpdate:
		r.meet(e.Member)
	case serf.EventLeave:
		r.part(e.Member.Name)
	case serf.EventFailed:
		r.log.Info("serf says failed; asking the node itself", "node", e.Member.Name)
		if m := r.member(e.Member.Name); m != nil {
			m.peer.Doubt()
		}
	}
}

func (r *Runtime) member(node string) *member {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.peers[node]
}

// meet connects to a member, or follows its address.
func (r *Runtime) meet(m serf.Member) {
	if z := m.Tags["zone"]; z != r.cfg.Origin {
		r.log.Warn("member serves another zone; not connected", "node", m.Name, "zone", z)
		return
	}
	if err := zone.CheckNodeName(m.Name); err != nil {
		r.log.Warn("member not connected", "err", err)
		return
	}
	addr, err := netip.ParseAddrPort(m.Tags["dns"])
	if err != nil {
		r.log.Warn("member not connected: tag dns is no IP:PORT", "node", m.Name, "dns", m.Tags["dns"])
		return
	}
	r.compareSettings(m.Name, m.Tags[sharedTag])
	r.mu.Lock()
	defer r.mu.Unlock()
	if old := r.peers[m.Name]; old != nil {
		if old.peer.Addr() != addr.String() {
			r.log.Info("node has moved", "node", m.Name, "to", addr)
			old.peer.SetAddr(addr.String())
		}
		old.peer.Redial()
		return
	}
	r.peers[m.Name] = r.connect(m.Name, addr.String())
	r.log.Info("node joined", "node", m.Name, "dns", addr)
}

// gossips reports whether Serf reaches a node.
func (r *Runtime) gossips(node string) bool {
	select {
	case <-r.serving:
	default:
		return false
	}
	return slices.ContainsFunc(r.agent.Members(), func(m serf.Member) bool { return m.Name == node && m.Status == serf.StatusAlive })
}

// timing is how soon silence is noticed, by the profile.
func (r *Runtime) timing() xfr.Timing {
	if r.cfg.Profile == "wan" {
		return xfr.WAN
	}
	return xfr.LAN
}

// others returns how many nodes this one follows.
func (r *Runtime) others() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.peers)
}

// connect begins to follow a node. The caller holds the lock.
func (r *Runtime) connect(node, addr string) *member {
	ctx, cancel := context.WithCancel(r.ctx)
	home := r.view.Home(node)
	cfg := liveness.DetectorConfig{Home: home, Patience: liveness.Patience, Logger: r.log.With("node", node),
		Gossip: func() bool { return r.gossips(node) },
		Ask: func(ctx context.Context) error {
			n, _ := home.Node()
			n = n.Toward(r.here())
			return liveness.Ask(ctx, n.Addrs, n.SIP)
		}}
	if r.cfg.Profile == "wan" {
		cfg.Patience = liveness.PatienceWAN
	}
	det := liveness.NewDetector(cfg)
	r.run(func() { det.Run(ctx) })
	m := &member{det: det, cancel: cancel}
	var peer *xfr.Peer
	peer = xfr.NewPeer(xfr.PeerConfig{
		Node: node, Addr: addr, Origin: r.cfg.Origin, Key: r.cfg.Key, Home: home, Own: r.herald, Clock: r.clock,
		Timing: r.timing(), Peers: r.others, Dial: r.dial, Heard: det.Heard, Lost: det.Lost, Refused: r.refused(node, m),
		Pulled: m.transferred(r.tidied(func() *xfr.Peer { return peer })), Logger: r.log.With("source", "xfr"),
	})
	m.peer = peer
	r.run(func() { peer.Run(ctx) })
	if r.fresh {
		r.asking.Add(1)
		r.run(func() { r.recover(ctx, peer) })
	}
	return m
}

// refused says, now and then, that a node answers to another key: it is
// alive, but nothing can be learnt from it.
func (r *Runtime) refused(node string, m *member) func(error) {
	n := 0
	return func(err error) {
		if n++; n == 1 || n%300 == 0 {
			r.log.Warn("node does not take this node's transfer key: compare the key files and the clocks", "node", node, "err", err, "count", n)
		}
		m.refusedAt.Store(time.Now().UnixNano())
		m.det.Heard()
	}
}

// recover asks a peer for what it has kept of this node's lost data, until it
// has an answer: a peer that starts at the same time does not listen at once.
func (r *Runtime) recover(ctx context.Context, p *xfr.Peer) {
	err := r.recoverFrom(ctx, p)
	for wait := firstAsk; err != nil && !errors.Is(err, xfr.ErrRefused) && time.Since(r.began) < settleLimit; wait = min(2*wait, time.Second) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
			err = r.recoverFrom(ctx, p)
		}
	}
	if r.asking.Add(-1) == 0 || err == nil {
		r.recovered.Store(true)
	}
}

// firstAsk is the wait before a peer is asked again.
const firstAsk = 50 * time.Millisecond

func (r *Runtime) recoverFrom(ctx context.Context, p *xfr.Peer) error {
	held, kept, err := p.Kept(ctx, r.cfg.Node)
	if err != nil {
		r.log.Debug("nothing recovered", "err", err)
		return err
	}
	kept = r.permitted(kept)
	if err := r.primary.Recover(held, kept, r.swept.Load); err != nil {
		r.log.Warn("recovered bindings not kept on disk", "err", err)
	}
	r.wakeExpiry()
	r.log.Info("recovered from a peer", "bindings", len(kept), "serial", held.Serial)
	return nil
}

// permitted leaves out registrations that must not be published here.
func (r *Runtime) permitted(all []location.Binding) []location.Binding {
	out := all[:0]
	for _, b := range all {
		if !b.Kind.Registered() || r.directory.Permits(b.AOR) {
			out = append(out, b)
		}
	}
	return out
}

// part forgets a member that left: its bindings are hidden at once.
func (r *Runtime) part(node string) {
	r.mu.Lock()
	m := r.peers[node]
	delete(r.peers, node)
	r.mu.Unlock()
	if m == nil {
		return
	}
	m.cancel()
	m.det.Leave()
	r.log.Info("node left", "node", node)
}
