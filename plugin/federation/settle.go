package federation

import (
	"time"

	"github.com/asterfed/asterfed/serf"
	"github.com/asterfed/asterfed/zone"
)

// The times within which a starting node expects to know everything; until
// then what it does not know is SERVFAIL, and asking goes to the next server.
const (
	settleLimit = 10 * time.Second
	joinLimit   = 3 * time.Second
)

// settle waits until this node knows its own registrations and those of
// every node that it can reach.
func (r *Runtime) settle() {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	warned := false
	for !r.complete(time.Since(r.began)) {
		if !warned && time.Since(r.began) > settleLimit {
			warned = true
			r.log.Warn("no other node was ever reached: names that this node does not know are answered SERVFAIL",
				"join", r.cfg.Join, "remedy", "see why in the lines about join; if this is the first node of a federation, start it without join")
		}
		select {
		case <-r.ctx.Done():
			return
		case <-tick.C:
		}
	}
	r.view.SetSettled(true)
	if r.history != nil {
		r.history.Settled()
	}
	r.tidy.Reset(0) // what reading took
	r.log.Info("all nodes are known", "nodes", len(r.view.Homes()), "after", time.Since(r.began).Round(time.Millisecond))
}

func (r *Runtime) complete(since time.Duration) bool {
	if r.stranded() {
		return false
	}
	if since > settleLimit {
		return true
	}
	if !r.listed.Load() && r.fresh {
		return false
	}
	expected := len(r.cfg.Join) > 0
	for _, m := range r.agent.Members() {
		if m.Name == r.cfg.Node || m.Status != serf.StatusAlive || m.Tags["zone"] != r.cfg.Origin {
			continue
		}
		expected = false
		if p := r.member(m.Name); p == nil || !p.peer.Level() && r.view.Home(m.Name).Reach() != zone.Gone {
			return false
		}
	}
	return !expected || since > joinLimit
}

// stranded reports whether there should be other nodes, but none was reached, now
// or by an earlier process. What such a node does not know may live anywhere: it
// never denies it (RFC 2308 §7.1: SERVFAIL).
func (r *Runtime) stranded() bool {
	return !r.met && !r.agent.Joined()
}

// transferable reports whether the own home zone may be transferred: a node
// that lost its data first waits for its listing, lest every peer take an
// empty zone for the truth, and for what a peer has kept of its stamps.
func (r *Runtime) transferable() bool {
	if !r.fresh || time.Since(r.began) > settleLimit {
		return true
	}
	return r.listed.Load() && r.known()
}

// known reports whether what the peers have kept of the own home zone has
// come, or nothing is to be expected. Updates wait for it, not for AMI: what
// was withdrawn before would come back.
func (r *Runtime) known() bool {
	alone := len(r.cfg.Join) == 0 && len(r.view.Homes()) == 1
	return !r.fresh || r.recovered.Load() || alone || time.Since(r.began) > joinLimit
}
