package peer

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asterfed/asterfed/zone/record"
)

// compareEvery is the default of Config.Compare.
const compareEvery = 30 * time.Second

// compare asks for the primary's digest again and again. A peer that does not know
// digests is asked again on the next connection.
func (p *Peer) compare(ctx context.Context, s *session) error {
	wait := time.NewTimer(p.cfg.Compare/4 + rand.N(p.cfg.Compare/4+1)) // all nodes are not asked at once
	defer wait.Stop()
	for {
		if err := await(ctx, s, wait.C); err != nil {
			return err
		}
		wait.Reset(p.cfg.Compare)
		d, err := s.digest(ctx, p.apex, p.timing().Silence)
		switch {
		case err == nil:
			p.expect(d)
		case s.err() != nil || ctx.Err() != nil:
			return err
		case !errors.Is(err, errTimeout):
			p.log.Debug("nothing to compare with", "err", err)
			wait.Stop()
		}
	}
}

// renewEvery bounds full transfers for a difference that they do not cure: a node
// of a later version may publish what this version does not know.
const renewEvery = time.Hour

// comparison finds out whether the replica equals the primary.
type comparison struct {
	comparing sync.Mutex
	awaited   *record.Digest // the primary's, of a version not reached yet
	renewed   time.Time      // when a difference last led to a full transfer

	renew   atomic.Bool // the next transfer is a full one
	differs atomic.Bool
}

// expect compares a digest of the primary with the replica, now or when the replica
// reaches its version.
func (r *replica) expect(d record.Digest) {
	r.comparing.Lock()
	defer r.comparing.Unlock()
	if r.awaited == nil { // otherwise the replica is far behind and would not reach this one in time either
		r.awaited = &d
	}
	r.judge()
}

// reached is called at every version that is reached.
func (r *replica) reached() {
	r.comparing.Lock()
	defer r.comparing.Unlock()
	if r.awaited != nil {
		r.judge()
	}
}

// judge compares if the versions are the same. The caller holds the lock.
func (r *replica) judge() {
	held, theirs := r.home.Digest(), *r.awaited
	switch {
	case held.Version == theirs.Version:
		r.awaited = nil
	case held.Epoch == theirs.Epoch && record.Newer(theirs.Serial, held.Serial):
		return
	default:
		r.awaited = nil
		r.stats.overtaken.Add(1)
		return
	}
	if held == theirs {
		r.stats.alike.Add(1)
		r.differs.Store(false)
		return
	}
	r.stats.unlike.Add(1)
	if again := r.differs.Swap(true); !again || time.Since(r.renewed) > renewEvery {
		r.renewed = time.Now()
		r.renew.Store(true)
		r.log.Error("replica differs from primary; transferring again",
			"serial", held.Serial, "bindings", held.Bindings, "bindings at primary", theirs.Bindings)
	}
	if r.renew.Load() { // also if the transfer was broken off
		poke(r.wake)
	}
}
