package federation

import (
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/asterfed/asterfed/zone"
	"github.com/asterfed/asterfed/zone/stream"
)

// copiesInterval is how often the home zones of others are kept on disk.
const copiesInterval = 30 * time.Second

// copyLimit is how long a node that only a copy speaks of is waited for: it
// may have left while this node was down.
const copyLimit = time.Hour

// copies keeps the home zones of other nodes as a secondary does (RFC 1034
// §4.3.5), so that a node that starts knows at once whom there is to ask, and
// the users of a node whose federator is silent while its Asterisk lives.
type copies struct {
	r    *Runtime
	dir  string
	kept map[string]zone.Version // what stands on disk, by node
}

func newCopies(r *Runtime) *copies {
	return &copies{r: r, dir: filepath.Join(r.cfg.Data, "secondary"), kept: map[string]zone.Version{}}
}

// load puts what is on disk into the view, ranked last until each node is
// heard, and begins to follow the nodes.
func (c *copies) load() {
	if err := os.MkdirAll(c.dir, 0o750); err != nil {
		c.r.log.Warn("home zones of other nodes are not kept", "err", err)
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
func (c *copies) take(file string) {
	node, ok := stream.ReplicaNode(file)
	if !ok || node == c.r.cfg.Node {
		return
	}
	t, addr, err := stream.ReadReplica(file, node, c.r.cfg.Origin)
	if err != nil {
		c.r.log.Warn("copy of a home zone is of no use; removed", "err", err)
		os.Remove(file)
		return
	}
	home := c.r.view.Home(node)
	home.SetReach(zone.Orphan)
	home.Replace(t.Version, t.Node, t.Bindings)
	c.r.clock.ObserveAll(t.Bindings)
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	c.kept[node] = t.Version
	c.r.peers[node] = c.r.connect(node, addr)
}

// run keeps what has changed until the runtime ends, and once more then.
func (c *copies) run() {
	for {
		select {
		case <-c.r.ctx.Done():
			c.keep()
			return
		case <-time.After(copiesInterval + 20*c.keep()): // at most a twentieth of the time
		}
	}
}

// keep writes the copies that have changed and returns how long it took.
func (c *copies) keep() time.Duration {
	began := time.Now()
	if began.Sub(c.r.began) > copyLimit {
		c.forget()
	}
	for _, h := range c.r.view.Homes() {
		m := c.r.member(h.Name)
		v := h.Version()
		switch {
		case h.Name == c.r.cfg.Node:
		case m == nil: // it left
			if _, kept := c.kept[h.Name]; kept {
				os.Remove(stream.ReplicaFile(c.dir, h.Name))
				delete(c.kept, h.Name)
			}
		case v.Epoch != "" && v != c.kept[h.Name]:
			if err := stream.WriteReplica(stream.ReplicaFile(c.dir, h.Name), h, c.r.cfg.Origin, m.peer.Addr(), c.r.view.TTL()); err != nil {
				c.r.log.Warn("home zone of another node is not kept", "node", h.Name, "err", err)
				continue
			}
			c.kept[h.Name] = v
		}
	}
	return time.Since(began)
}

// forget parts with nodes that neither Serf knows nor this node has heard.
func (c *copies) forget() {
	known := map[string]bool{}
	for _, m := range c.r.agent.Members() {
		known[m.Name] = true
	}
	for node := range c.kept {
		if m := c.r.member(node); m != nil && !known[node] && !m.peer.Level() {
			c.r.part(node)
		}
	}
}
