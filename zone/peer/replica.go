package peer

import (
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/stream"
	"github.com/asterfed/asterfed/zone/view"
)

// replica is the home zone of a peer as this node has it: its version, what the
// peer has reported, and how the next transfer is to be asked for. It knows no
// connection. Safe for concurrent use, except that one goroutine transfers.
type replica struct {
	home    *view.Home
	stamps  *location.Clock
	log     *slog.Logger
	now     func() time.Duration // monotonic, since the peer was made
	silence time.Duration        // of the peer's timing
	pulled  func()

	wake   chan struct{}                  // the peer has another version: transfer now
	check  chan struct{}                  // the peer may have another version: ask for its SOA now
	latest atomic.Pointer[record.Version] // the peer's, as last reported
	level  atomic.Int64                   // when it was last known to be level, by now; 0 if never
	taking sync.Mutex                     // one transfer enters the view at a time
	whole  pace                           // of full transfers
	broken failure                        // of transfers
	stats  stats
	comparison
}

// reported handles the version in an answer of the peer: unless the replica is at
// that version, the zone is transferred.
func (r *replica) reported(v record.Version) {
	r.latest.Store(&v)
	if v == r.home.Version() {
		r.markLevel()
	} else {
		poke(r.wake)
	}
}

// hinted handles a version that a message from elsewhere names (RFC 1996 §4.7). If
// it leads on from the replica's version it is asked for at once, by an IXFR. Any
// other version is only a reason to ask the peer for its SOA: the key proves no node
// and the message may be a replay, so that it must not cause a full transfer.
func (r *replica) hinted(v record.Version) {
	held, said := r.home.Version(), r.latest.Load()
	switch {
	case v == held:
	case v.Epoch == held.Epoch && record.Newer(v.Serial, held.Serial):
		r.latest.Store(&v)
		poke(r.wake)
	case said != nil && v == *said:
		poke(r.wake)
	default:
		poke(r.check)
	}
}

// Level reports whether the replica was ever level with the primary. One that was
// read from disk is not until the peer has reported its version.
func (r *replica) Level() bool { return r.level.Load() > 0 }

// markLevel records that the replica is level now.
func (r *replica) markLevel() { r.level.Store(max(1, int64(r.now()))) }

// deltas reports whether the next transfer is an IXFR.
func (r *replica) deltas() bool {
	held, now := r.home.Version(), r.latest.Load()
	return held.Epoch != "" && now != nil && now.Epoch == held.Epoch && !r.renew.Load()
}

// manyRefused is how many refused records lead to one more line in the log: a peer
// decides how many it sends.
const manyRefused = 1000

// take enters a transfer into the view. The caller holds taking.
func (r *replica) take(t *stream.Transfer) {
	r.stats.unreadable.Add(int64(t.Unreadable))
	if n := int64(t.Refused); n > 0 {
		if all := r.stats.refused.Add(n); all == n || all/manyRefused > (all-n)/manyRefused {
			r.log.Warn("records refused: they must not be published", "count", t.Refused, "in all", all, "first", t.FirstRefused)
		}
	}
	switch {
	case t.Full:
		r.stats.full.Add(1)
		if n, b := r.stamps.ObserveAll(t.Bindings); n > 0 {
			r.stats.ahead.Add(int64(n))
			r.log.Warn("stamps lie in the future: check the node's clock", "aor", b.AOR, "stamp", b.Stamp.Time(), "count", n)
		}
		r.home.Replace(t.Version, t.Node, t.Bindings)
		r.renew.Store(false)
		r.reached()
		if now := r.latest.Load(); now != nil && *now != t.Version {
			poke(r.wake) // a NOTIFY that came meanwhile reported another version
		}
		r.log.Info("home zone transferred", "bindings", len(t.Bindings), "serial", t.Version.Serial)
	case len(t.Deltas) > 0:
		r.stats.incremental.Add(1)
		for _, d := range t.Deltas {
			for _, c := range d.Changes {
				r.observe(c.New)
			}
			// Nothing changes if a NOTIFY has brought this step meanwhile, or an IXFR
			// was quicker than the NOTIFY.
			r.home.Follow(record.Version{Epoch: t.Version.Epoch, Serial: d.From}, record.Version{Epoch: t.Version.Epoch, Serial: d.To}, d.Node, d.Changes)
			r.reached()
		}
	default:
		return
	}
	r.markLevel()
	r.pulled()
}

// observe advances this node's clock to the stamps that it sees, and warns now and
// then of a node whose clock is far ahead.
func (r *replica) observe(b location.Binding) {
	if b.Stamp == 0 || r.stamps.Observe(b.Stamp) {
		return
	}
	if n := r.stats.ahead.Add(1); n == 1 || n%1000 == 0 {
		r.log.Warn("stamp lies in the future: check the node's clock", "aor", b.AOR, "stamp", b.Stamp.Time(), "count", n)
	}
}

// failure is a row of transfers that did not succeed.
type failure struct {
	since  time.Time
	deltas int // IXFRs among them that were not answered with an RCODE
	warned bool
}

// maxBrokenDeltas is how many IXFRs in a row may break off before the full zone is
// asked for (RFC 1995 §4): what breaks them may stand in the history alone.
const maxBrokenDeltas = 2

// failed counts a transfer that was refused or broken off. The next heartbeat tries
// again.
func (r *replica) failed(err error, ended bool) {
	r.stats.failed.Add(1)
	var answered rcodeError
	if r.deltas() && !errors.As(err, &answered) && !errors.Is(err, ErrRefused) {
		if r.broken.deltas++; r.broken.deltas >= maxBrokenDeltas || !ended {
			r.renew.Store(true)
		}
	}
	if r.broken.since.IsZero() {
		r.broken.since = time.Now()
	}
	if time.Since(r.broken.since) < 5*r.silence || r.broken.warned {
		r.log.Debug("home zone not transferred", "err", err)
		return
	}
	r.broken.warned = true
	r.log.Warn("home zone cannot be transferred; what is known of it grows old", "err", err,
		"for", time.Since(r.broken.since).Round(time.Second))
}

// stats are the counters of a replica.
type stats struct {
	full, incremental, failed atomic.Int64 // transfers
	refused, unreadable       atomic.Int64 // records
	ahead                     atomic.Int64 // stamps
	alike, unlike, overtaken  atomic.Int64 // comparisons
}
