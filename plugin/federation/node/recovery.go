package node

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/peer"
	"github.com/asterfed/asterfed/zone/primary"
)

// recovery is what a node that began without data has got back so far: from its
// Asterisk the registrations, from its peers their stamps and what was published.
type recovery struct {
	node    string
	fresh   bool // began without data
	began   time.Time
	primary *primary.Primary
	permits func(location.AOR) bool // whether a registration may be published here
	wake    func()                  // something may end sooner than was known
	alone   func() bool             // nobody is to be expected
	log     *slog.Logger

	listed atomic.Bool // the first listing is complete, or none is to be expected
	swept  atomic.Bool // a listing has begun to replace what the journal had
	// recovered: a peer has sent its replica of this home zone, or no peer that was
	// asked has one
	recovered atomic.Bool
	asking    atomic.Int32 // peers asked that have not answered
}

// firstAsk is the wait before a peer is asked again.
const firstAsk = 50 * time.Millisecond

// from asks a peer for its replica of this node's home zone until the peer answers: one
// that starts at the same time does not listen at once.
func (r *recovery) from(ctx context.Context, p *peer.Peer) {
	err := r.ask(ctx, p)
	for wait := firstAsk; err != nil && !errors.Is(err, peer.ErrRefused) && time.Since(r.began) < settleLimit; wait = min(2*wait, time.Second) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
			err = r.ask(ctx, p)
		}
	}
	if r.asking.Add(-1) == 0 || err == nil {
		r.recovered.Store(true)
	}
}

func (r *recovery) ask(ctx context.Context, p *peer.Peer) error {
	version, kept, err := p.OwnReplica(ctx, r.node)
	if err != nil {
		r.log.Debug("nothing recovered", "err", err)
		return err
	}
	kept = r.permitted(kept)
	if err := r.primary.Recover(version, kept, r.swept.Load); err != nil {
		r.log.Warn("recovered bindings not written to disk", "err", err)
	}
	r.wake()
	r.log.Info("recovered from a peer", "bindings", len(kept), "serial", version.Serial)
	return nil
}

// permitted leaves out registrations that must not be published here.
func (r *recovery) permitted(all []location.Binding) []location.Binding {
	out := all[:0]
	for _, b := range all {
		if !b.Kind.Registered() || r.permits(b.AOR) {
			out = append(out, b)
		}
	}
	return out
}

// transferable reports whether the own home zone may be transferred. A node that has
// lost its data first waits for its listing, since every peer would take an empty zone
// for the truth, and for the stamps in a peer's replica.
func (r *recovery) transferable() bool {
	if !r.fresh || time.Since(r.began) > settleLimit {
		return true
	}
	return r.listed.Load() && r.known()
}

// known reports whether a peer's replica of the own home zone has arrived, or none is
// to be expected. Updates wait for it, since what they withdraw would come back with
// it; they do not wait for AMI.
func (r *recovery) known() bool {
	return !r.fresh || r.recovered.Load() || r.alone() || time.Since(r.began) > joinLimit
}
