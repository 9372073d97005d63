package simulation

import (
	"fmt"
	"sync"
	"time"

	"github.com/asterfed/asterfed/zone/view"
)

// federation is all nodes together. Its methods are for the one goroutine
// that plays the scenario.
type federation struct {
	nodes  []*node
	byName map[string]*node
	sample int // the nodes below it are connected with all, the others only with them
	lag    lag
	faults faults
}

// newFederation returns n nodes that are not started, on a network of their
// own. Node i keeps a journal in dirs[i].
func newFederation(n, sample int, loss float64, seed uint64, dirs map[int]string) *federation {
	_, hosts := newNetwork(n, loss, seed)
	f := &federation{byName: make(map[string]*node, n), sample: min(sample, n)}
	f.lag.commits = make([]map[uint32]time.Time, n)
	for i, h := range hosts {
		node := newNode(f, i, h, dirs[i])
		f.nodes, f.byName[node.name] = append(f.nodes, node), node
		f.lag.commits[i] = map[uint32]time.Time{}
	}
	return f
}

// meshed reports whether nodes a and b are connected.
func (f *federation) meshed(a, b int) bool { return a != b && (a < f.sample || b < f.sample) }

// meshedWith returns the nodes that a node is connected with.
func (f *federation) meshedWith(n *node) []*node {
	if n.index >= f.sample {
		return f.nodes[:f.sample]
	}
	return append(append(make([]*node, 0, len(f.nodes)-1), f.nodes[:n.index]...), f.nodes[n.index+1:]...)
}

// connections is how many one-way connections there are when all stand.
func (f *federation) connections() int {
	n, s := len(f.nodes), f.sample
	return 2*s*(n-1) - s*(s-1)
}

// start starts all nodes, one every 20 ms; each joins one that is there.
func (f *federation) start() error {
	for i, n := range f.nodes {
		var seed *host
		if i > 0 {
			seed = f.nodes[i/2].host
		}
		if err := n.start(seed); err != nil {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil
}

// Connect lets the nodes connect to each other, within the next second.
func (f *federation) Connect() {
	for _, n := range f.nodes {
		n.mesh.Store(true)
	}
}

// wane is how long memberlist's probes and dials under way outlast it. Virtual
// time stands still once the scenario ends, so that they have to end before.
const wane = 15 * time.Second

// Stop ends all nodes that run.
func (f *federation) Stop() {
	var all sync.WaitGroup
	for _, n := range f.nodes {
		if n.ctx != nil && n.ctx.Err() == nil {
			all.Go(func() { n.stop() })
		}
	}
	all.Wait()
	time.Sleep(wane)
}

// step is how often a condition is looked at, in virtual time.
const step = 10 * time.Millisecond

// until waits for a condition and returns how long that took.
func until(what string, limit time.Duration, ok func() bool) (time.Duration, error) {
	began := time.Now()
	for !ok() {
		if time.Since(began) > limit {
			return limit, fmt.Errorf("%s: not within %v", what, limit)
		}
		time.Sleep(step)
	}
	return time.Since(began), nil
}

// whole reports whether every Serf calls all nodes alive.
func (f *federation) whole() bool {
	for _, n := range f.nodes {
		if int(n.up.Load()) < len(f.nodes)-1 {
			return false
		}
	}
	return true
}

// level reports whether every connected node holds every other's zone as it
// is at its home, and calls it alive.
func (f *federation) level() bool {
	for _, b := range f.nodes {
		v, bindings := b.primary.Version(), b.view.Find(b.name).Len()
		for _, a := range f.meshedWith(b) {
			h := a.view.Find(b.name)
			if h == nil || h.Version() != v || h.Len() != bindings || h.Reach() != view.Alive {
				return false
			}
		}
	}
	return true
}

// hidden reports whether everyone connected with the node says it is gone.
func (f *federation) hidden(victim *node) bool {
	for _, n := range f.meshedWith(victim) {
		if n.view.Find(victim.name).Reach() != view.Gone {
			return false
		}
	}
	return true
}
