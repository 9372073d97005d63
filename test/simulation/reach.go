package simulation

import (
	"context"
	"sync"
	"time"

	"github.com/asterfed/asterfed/zone/view"
)

// detector holds the rule by which plugin/federation says that a node is
// gone: its connection was lost, a new one cannot be made, and its Asterisk
// does not answer OPTIONS. An Asterisk that answers keeps its users.
type detector struct {
	node, other *node
	home        *view.Home

	mu      sync.Mutex
	losses  int           // since the peer was last heard
	checked bool          // OPTIONS has an answer since
	alive   bool          // that answer
	heard   chan struct{} // closed when the peer is heard; nil while it is
}

// pingTimeout is how long an Asterisk may take to answer.
const pingTimeout = 600 * time.Millisecond

// Heard is called for every message of the peer.
func (d *detector) Heard() {
	d.mu.Lock()
	if d.heard != nil {
		close(d.heard)
		d.heard, d.losses, d.checked = nil, 0, false
	}
	d.mu.Unlock()
	d.home.SetReach(view.Alive)
}

// Lost is called whenever the connection ends or cannot be made.
func (d *detector) Lost(error) {
	d.mu.Lock()
	d.losses++
	if d.heard == nil {
		d.heard = make(chan struct{})
		heard := d.heard
		d.node.tasks.Go(func() { d.check(heard) })
	}
	d.mu.Unlock()
	d.decide()
}

// check asks the Asterisk until the peer is heard again.
func (d *detector) check(heard <-chan struct{}) {
	for wait := pingTimeout; ; wait = min(wait+wait/20, 5*time.Second) {
		once, done := context.WithTimeout(d.node.ctx, pingTimeout)
		err := d.node.host.Options(once, d.other.host)
		done()
		d.mu.Lock()
		stale := d.heard != heard
		if !stale {
			d.checked, d.alive = true, err == nil
		}
		d.mu.Unlock()
		if stale || d.node.ctx.Err() != nil {
			return
		}
		d.decide()
		select {
		case <-d.node.ctx.Done():
			return
		case <-heard:
			return
		case <-time.After(wait):
		}
	}
}

func (d *detector) decide() {
	d.mu.Lock()
	known := d.heard != nil && d.losses > 1 && d.checked
	alive := d.alive
	d.mu.Unlock()
	switch {
	case !known || d.node.ctx.Err() != nil:
	case alive:
		d.home.SetReach(view.Orphan)
	case d.home.SetReach(view.Gone):
		d.node.fed.faults.note(gone, d.node, d.other)
	}
}
