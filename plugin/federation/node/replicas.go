package node

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/asterfed/asterfed/serf"
	"github.com/asterfed/asterfed/zone"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/stream"
)

// replicasPeriod is how often the home zones of others are kept on disk.
const replicasPeriod = 30 * time.Second

// replicaLimit is how long a node that only a copy speaks of is waited for: it
// may have left while this node was down.
const replicaLimit = time.Hour

// replicas keeps the home zones of other nodes on disk as a secondary does (RFC 1034
// §4.3.5), so that a node that starts knows at once whom there is to ask, and the
// users of a node whose asterfed is silent while its Asterisk lives.
type replicas struct {
	replicasConfig
	began time.Time

	mu   sync.Mutex
	kept map[string]record.Version // what stands on disk, by node
}

type replicasConfig struct {
	dir, self, origin string
	view              *zone.View
	clock             *location.Clock
	peers             *peers
	log               *slog.Logger
}

func newReplicas(c replicasConfig) *replicas {
	return &replicas{replicasConfig: c, began: time.Now(), kept: map[string]record.Version{}}
}

// load puts what is on disk into the view, ranked last until each node is
// heard, and begins to follow the nodes.
func (c *replicas) load() {
	if err := os.MkdirAll(c.dir, 0o750); err != nil {
		c.log.Warn("home zones of other nodes are not kept", "err", err)
		return
	}
	files, _ := filepath.Glob(stream.ReplicaFile(c.dir, "*"))
	next := make(chan string)
	var readers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		readers.Go(func() {
			for file := range next {
				c.take(file)
			}
		})
	}
	for _, file := range files {
		next <- file
	}
	close(next)
	readers.Wait()
}

// take puts one copy into the view.
func (c *replicas) take(file string) {
	node, ok := stream.ReplicaNode(file)
	if !ok || node == c.self {
		return
	}
	t, addr, err := stream.ReadReplica(file, node, c.origin)
	if err != nil {
		c.log.Warn("copy of a home zone is of no use; removed", "err", err)
		os.Remove(file)
		return
	}
	home := c.view.Home(node)
	home.SetReach(zone.Orphan)
	home.Replace(t.Version, t.Node, t.Bindings)
	c.clock.ObserveAll(t.Bindings)
	c.peers.follow(node, addr)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept[node] = t.Version
}

// run keeps what has changed until ctx ends, and once more then.
func (c *replicas) run(ctx context.Context, members func() []serf.Member) {
	for {
		select {
		case <-ctx.Done():
			c.keep(members)
			return
		case <-time.After(replicasPeriod + 20*c.keep(members)): // at most a twentieth of the time
		}
	}
}

// keep writes the copies that have changed and returns how long it took.
func (c *replicas) keep(members func() []serf.Member) time.Duration {
	began := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if began.Sub(c.began) > replicaLimit {
		c.forget(members())
	}
	for _, h := range c.view.Homes() {
		m := c.peers.member(h.Name)
		v := h.Version()
		switch {
		case h.Name == c.self:
		case m == nil: // it left
			if _, kept := c.kept[h.Name]; kept {
				os.Remove(stream.ReplicaFile(c.dir, h.Name))
				delete(c.kept, h.Name)
			}
		case v.Epoch != "" && v != c.kept[h.Name]:
			if err := stream.WriteReplica(stream.ReplicaFile(c.dir, h.Name), h, c.origin, m.peer.Addr(), c.view.TTL()); err != nil {
				c.log.Warn("home zone of another node is not kept", "node", h.Name, "err", err)
				continue
			}
			c.kept[h.Name] = v
		}
	}
	return time.Since(began)
}

// forget parts with nodes that neither Serf knows nor this node has heard.
func (c *replicas) forget(members []serf.Member) {
	known := map[string]bool{}
	for _, m := range members {
		known[m.Name] = true
	}
	for node := range c.kept {
		if m := c.peers.member(node); m != nil && !known[node] && !m.peer.Level() {
			c.peers.part(node)
		}
	}
}
