package simulation

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
	hserf "github.com/hashicorp/serf/serf"
)

// gossipKey makes packets as long as they are in a federation with a key.
var gossipKey = []byte("0123456789abcdef")

// serfConfig holds the settings of package serf for profile lan.
func serfConfig(n *node, t memberlist.Transport, events chan<- hserf.Event) (*hserf.Config, error) {
	ring, err := memberlist.NewKeyring(nil, gossipKey)
	if err != nil {
		return nil, fmt.Errorf("make keyring: %w", err)
	}
	ml := memberlist.DefaultLANConfig()
	ml.ProbeInterval, ml.ProbeTimeout = 300*time.Millisecond, 150*time.Millisecond
	ml.GossipInterval, ml.GossipNodes = 50*time.Millisecond, 4
	ml.SuspicionMult, ml.SuspicionMaxTimeoutMult = 3, 2
	ml.PushPullInterval = 10 * time.Second
	ml.TCPTimeout = 5 * time.Second
	ml.DeadNodeReclaimTime = time.Millisecond
	ml.Transport, ml.Keyring, ml.LogOutput = t, ring, io.Discard
	ml.AdvertiseAddr, ml.AdvertisePort, ml.BindPort = n.host.ip.String(), gossipPort, gossipPort

	s := hserf.DefaultConfig()
	s.NodeName, s.MemberlistConfig, s.LogOutput, s.EventCh = n.name, ml, io.Discard, events
	s.ProtocolVersion = hserf.ProtocolVersionMax
	s.ReconnectInterval = 5 * time.Second
	s.RejoinAfterLeave = true
	s.QueryTimeoutMult = int(1600 * time.Millisecond / ml.GossipInterval)
	s.Tags = map[string]string{"v": "1", "zone": origin, "dns": n.host.addr(dnsPort),
		"epoch": n.primary.Version().Epoch, "state": "up", "region": "eu"}
	return s, nil
}

// gossip is the Serf side of a node.
type gossip struct {
	serf  *hserf.Serf
	node  *node
	mu    sync.Mutex
	queue []hserf.Member
	ready chan struct{}
	up    map[string]bool // by name, as the node was last told
}

// startGossip starts Serf and follows it until ctx ends.
func startGossip(ctx context.Context, n *node) (*gossip, error) {
	t, err := newTransport(n.host)
	if err != nil {
		return nil, err
	}
	events := make(chan hserf.Event, 64)
	c, err := serfConfig(n, t, events)
	if err != nil {
		return nil, err
	}
	s, err := hserf.Create(c)
	if err != nil {
		t.Shutdown()
		return nil, fmt.Errorf("create Serf: %w", err)
	}
	g := &gossip{serf: s, node: n, ready: make(chan struct{}, 1), up: map[string]bool{}}
	n.tasks.Go(func() { g.drain(events) })
	n.tasks.Go(func() { g.follow(ctx) })
	return g, nil
}

// drain empties Serf's channel at once, for Serf stands still while it waits.
func (g *gossip) drain(events <-chan hserf.Event) {
	for {
		select {
		case <-g.serf.ShutdownCh():
			return
		case e := <-events:
			me, ok := e.(hserf.MemberEvent)
			if !ok {
				continue
			}
			g.mu.Lock()
			g.queue = append(g.queue, me.Members...)
			g.mu.Unlock()
			select {
			case g.ready <- struct{}{}:
			default:
			}
		}
	}
}

// follow acts on events, and once a second on the member list, as package
// serf does.
func (g *gossip) follow(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		var news []hserf.Member
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			news = g.serf.Members()
		case <-g.ready:
			g.mu.Lock()
			news, g.queue = g.queue, nil
			g.mu.Unlock()
		}
		for _, m := range news {
			g.tell(m)
		}
	}
}

func (g *gossip) tell(m hserf.Member) {
	up := m.Status == hserf.StatusAlive || m.Status == hserf.StatusLeaving
	was := g.up[m.Name]
	g.up[m.Name] = up
	switch {
	case m.Name == g.node.name:
	case up:
		if !was {
			g.node.up.Add(1)
		}
		g.node.meet(m.Name, m.Tags["dns"], !was)
	case was:
		g.node.up.Add(-1)
		g.node.serfFailed(m.Name)
	}
}

// join tries a member until it answers, and a second later compares member
// lists with two others, as package serf does.
func (g *gossip) join(ctx context.Context, to *host) {
	for ctx.Err() == nil {
		if _, err := g.serf.Memberlist().Join([]string{to.addr(gossipPort)}); err == nil {
			break
		}
		sleep(ctx, 200*time.Millisecond)
	}
	if sleep(ctx, time.Second) != nil {
		return
	}
	members := g.serf.Members()
	rand.Shuffle(len(members), func(a, b int) { members[a], members[b] = members[b], members[a] })
	left := 2
	for _, m := range members {
		if m.Name != g.node.name && m.Status == hserf.StatusAlive && left > 0 && ctx.Err() == nil {
			left--
			g.serf.Memberlist().Join([]string{m.Name + "/" + g.node.fed.byName[m.Name].host.addr(gossipPort)})
		}
	}
}
