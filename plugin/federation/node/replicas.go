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
	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/stream"
	"github.com/asterfed/asterfed/zone/view"
)

// replicasPeriod is how often replicas that have changed are written.
const replicasPeriod = 30 * time.Second

// replicaLimit is how long this node waits for one that it knows from a replica
// alone: that one may have left while this node was down.
const replicaLimit = time.Hour

// replicas writes the home zones of other nodes to disk as a secondary does (RFC 1034
// §4.3.5). A node that starts reads there which nodes to ask, and the users of a node
// whose asterfed is silent while its Asterisk lives.
type replicas struct {
	replicasConfig
	began time.Time

	mu      sync.Mutex
	written map[string]record.Version // by node
}

type replicasConfig struct {
	dir, self, origin string
	view              *answer.Zone
	clock             *location.Clock
	peers             *peers
	log               *slog.Logger
}

func newReplicas(c replicasConfig) *replicas {
	return &replicas{replicasConfig: c, began: time.Now(), written: map[string]record.Version{}}
}

// load puts the replicas into the view, ranked last until their nodes are heard, and
// begins to follow these nodes.
func (r *replicas) load() {
	if err := os.MkdirAll(r.dir, 0o750); err != nil {
		r.log.Warn("replicas cannot be kept", "err", err)
		return
	}
	files, _ := filepath.Glob(stream.ReplicaFile(r.dir, "*"))
	next := make(chan string)
	var readers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		readers.Go(func() {
			for file := range next {
				r.take(file)
			}
		})
	}
	for _, file := range files {
		next <- file
	}
	close(next)
	readers.Wait()
}

// take puts one replica into the view.
func (r *replicas) take(file string) {
	node, ok := stream.ReplicaNode(file)
	if !ok || node == r.self {
		return
	}
	t, addr, err := stream.ReadReplica(file, node, r.origin)
	if err != nil {
		r.log.Warn("replica cannot be used; removed, its home zone will be transferred", "err", err)
		os.Remove(file)
		return
	}
	home := r.view.Home(node)
	home.SetReach(view.Orphan)
	home.Replace(t.Version, t.Node, t.Bindings)
	r.clock.ObserveAll(t.Bindings)
	r.peers.follow(node, addr)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.written[node] = t.Version
}

// run writes what has changed until ctx ends, and once more then.
func (r *replicas) run(ctx context.Context, members func() []serf.Member) {
	for {
		select {
		case <-ctx.Done():
			r.keep(members)
			return
		case <-time.After(replicasPeriod + 20*r.keep(members)): // at most a twentieth of the time
		}
	}
}

// keep writes the replicas that have changed and returns how long it took.
func (r *replicas) keep(members func() []serf.Member) time.Duration {
	began := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if began.Sub(r.began) > replicaLimit {
		r.forget(members())
	}
	for _, h := range r.view.Homes() {
		m := r.peers.member(h.Name)
		v := h.Version()
		switch {
		case h.Name == r.self:
		case m == nil: // it left
			if _, written := r.written[h.Name]; written {
				os.Remove(stream.ReplicaFile(r.dir, h.Name))
				delete(r.written, h.Name)
			}
		case v.Epoch != "" && v != r.written[h.Name]:
			if err := stream.WriteReplica(stream.ReplicaFile(r.dir, h.Name), h, r.origin, m.peer.Addr(), r.view.TTL()); err != nil {
				r.log.Warn("replica not written", "node", h.Name, "err", err)
				continue
			}
			r.written[h.Name] = v
		}
	}
	return time.Since(began)
}

// forget drops nodes that Serf does not know and that this node has not heard.
func (r *replicas) forget(members []serf.Member) {
	known := map[string]bool{}
	for _, m := range members {
		known[m.Name] = true
	}
	for node := range r.written {
		if m := r.peers.member(node); m != nil && !known[node] && !m.peer.Level() {
			r.peers.part(node)
		}
	}
}
