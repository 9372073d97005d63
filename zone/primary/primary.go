package primary

import (
	"log/slog"
	"slices"
	"sync"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
)

// Primary is the primary of this node's own home zone: the one writer of its
// bindings. Every batch of changes is journalled, gets the next serial, and
// enters the view. Safe for concurrent use.
//
// Two locks, so that the version can be told while a batch waits for the disk
// or a long listing is worked through: peers take silence for a failure.
//
// It has more methods than a type should, because whatever changes the zone
// (registrations, updates, the node itself, expiry, recovery) must pass the same
// checks, the journal and the view in one order under one lock.
type Primary struct {
	zone Zone
	log  *slog.Logger

	writing sync.Mutex // taken before mu; one batch at a time
	store   *location.Store
	pubs    *location.Publications
	plan    location.Plan
	disk    *Journal
	closed  bool

	mu      sync.Mutex // never held during I/O; these are written under both
	node    record.Node
	version record.Version
	deltas  []record.Delta // oldest first, contiguous, up to version
	kept    int            // cost of deltas
	bell    chan struct{}  // closed and replaced at every new version
	diskErr error

	apex  string
	tight bool // long names do not fit below apex
	left  leftOut
}

// maxHistory bounds the history kept for IXFR, in steps and changes; a
// secondary that is further behind gets a full zone.
const maxHistory = 200_000

func cost(d *record.Delta) int { return 1 + len(d.Changes) }

// Zone is the home zone as queries are answered from it. It follows its primary:
// view.Home implements it.
type Zone interface {
	// Apex is the zone's name.
	Apex() string
	// Apply brings the zone to the next version, Replace to a full set.
	Apply(to record.Version, node *record.Node, changes []location.Change)
	Replace(to record.Version, node *record.Node, all []location.Binding)
	// Bindings returns what the zone has, Surplus how many it had no room for.
	Bindings() []location.Binding
	Surplus() int64
	// Published calls f with every key that a binding stands under, and how many
	// published ones the zone has there.
	Published(b location.Binding, f func(key string, n int))
	// Rival returns the newest stamp with which another home claims an AOR.
	Rival(location.AOR) location.Stamp
}

// Config is what a Primary starts from.
type Config struct {
	Zone    Zone
	Clock   *location.Clock
	Node    record.Node
	Plan    location.Plan // numbers that registered users have
	Journal *Journal      // nil keeps nothing on disk
	Logger  *slog.Logger
}

// New returns the primary of a home zone, which has what the journal has kept
// already. Without a journal, or with an empty one, it has a new epoch.
func New(c Config) *Primary {
	p := &Primary{zone: c.Zone, log: c.Logger, disk: c.Journal, plan: c.Plan, apex: c.Zone.Apex(),
		store: location.NewStore(c.Clock, c.Zone.Rival), pubs: location.NewPublications(), bell: make(chan struct{})}
	p.tight, p.node = isTight(p.apex), p.clean(c.Node)
	var kept []location.Binding
	if c.Journal != nil {
		p.version, kept, p.deltas = c.Journal.Version(), c.Journal.Bindings(), c.Journal.Deltas()
		if p.diskErr = c.Journal.Err(); p.diskErr != nil {
			p.log.Error("home zone is not kept on disk; serving goes on from memory", "err", p.diskErr)
		}
		for i := range p.deltas {
			p.kept += cost(&p.deltas[i])
		}
		for range c.Journal.left {
			p.leaveOut("journal", c.Journal.firstLeft)
		}
		kept = p.published(kept)
		c.Clock.ObserveAll(kept)
	}
	if p.version.Epoch == "" {
		p.version = record.Version{Epoch: record.NewEpoch(), Serial: 1}
	}
	p.restore(kept)
	p.trimJournal(c.Clock)
	if c.Journal == nil || c.Journal.Node() == nil || !c.Journal.Node().Equal(p.node) {
		node := p.node
		d := record.Delta{Node: &node}
		if c.Journal != nil {
			d.OldNode = c.Journal.Node()
		}
		p.commit(d)
	}
	if c.Journal != nil {
		c.Journal.release()
	}
	if changes := p.replan(); len(changes) > 0 {
		p.commit(record.Delta{Changes: changes})
	}
	return p
}

// Version returns the current version.
func (p *Primary) Version() record.Version {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.version
}

// Node returns what the node says about itself now.
func (p *Primary) Node() record.Node {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.node
}

// Changed returns a channel that is closed at the next new version.
func (p *Primary) Changed() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.bell
}

// Update lets f work on the store and publishes the changes it returns as one
// version. It returns their number, and an error only if they could not be
// kept on disk; they are published all the same.
func (p *Primary) Update(f func(*location.Store) []location.Change) (int, error) {
	p.writing.Lock()
	defer p.writing.Unlock()
	changes := p.passed(slices.DeleteFunc(f(p.store), func(c location.Change) bool { return c.Old == c.New }))
	p.tellSurplus()
	if len(changes) == 0 {
		return 0, nil
	}
	return len(changes), p.commit(record.Delta{Changes: append(changes, p.planned(changes)...)})
}

// Read lets f read the store.
func (p *Primary) Read(f func(*location.Store)) {
	p.writing.Lock()
	defer p.writing.Unlock()
	f(p.store)
}

// ReadPublished lets f read what is published beside registrations.
func (p *Primary) ReadPublished(f func(*location.Publications)) {
	p.writing.Lock()
	defer p.writing.Unlock()
	f(p.pubs)
}

// SetNode changes what the node says about itself.
func (p *Primary) SetNode(f func(*record.Node)) error {
	p.writing.Lock()
	defer p.writing.Unlock()
	old, next := p.node, p.node
	next.Addrs, next.SIP = slices.Clone(old.Addrs), slices.Clone(old.SIP)
	next.Horizons = slices.Clone(old.Horizons)
	f(&next)
	if next = p.clean(next); next.Equal(old) {
		return nil
	}
	return p.commit(record.Delta{OldNode: &old, Node: &next})
}

// Recover takes over what a peer has kept of this home zone: a serial that
// must be exceeded, the stamps of contacts, and, unless listed says that the
// registrar has listed since, the bindings themselves.
func (p *Primary) Recover(held record.Version, kept []location.Binding, listed func() bool) error {
	p.writing.Lock()
	defer p.writing.Unlock()
	var changes []location.Change
	kept = p.published(slices.Clone(kept))
	room := p.room()
	swept := listed() // asked under the lock: no sweep comes in between
	for _, b := range kept {
		if b.Kind.Registered() {
			changes = append(changes, p.store.Recover(b, swept)...)
		} else if _, known := p.pubs.Get(b); !known && room.take(location.Change{New: b}) == nil {
			p.pubs.Apply([]location.Change{{New: b}})
			changes = append(changes, location.Change{New: b})
		}
	}
	changes = append(changes, p.planned(changes)...)
	d := record.Delta{Changes: changes, From: p.version.Serial}
	if record.Newer(held.Serial, d.From) {
		d.From = held.Serial
	}
	return p.commitFrom(d)
}

// commit gives d the next serial. The caller holds the lock for writing.
func (p *Primary) commit(d record.Delta) error {
	d.From = p.version.Serial
	return p.commitFrom(d)
}

// commitFrom makes d the version after d.From; where that is not the current
// one the history ends. The disk comes first, then the view, then those who ask.
func (p *Primary) commitFrom(d record.Delta) error {
	d.To = d.From + 1
	next, node := record.Version{Epoch: p.version.Epoch, Serial: d.To}, p.node
	if d.Node != nil {
		node = *d.Node
	}
	err := p.write(d, next, &node)
	p.publish(d, next, node, err)
	return err
}

// publish makes a version that the disk has, or failed to take, the current
// one.
func (p *Primary) publish(d record.Delta, next record.Version, node record.Node, err error) {
	p.zone.Apply(next, d.Node, d.Changes)
	p.mu.Lock()
	defer p.mu.Unlock()
	if d.From != p.version.Serial {
		p.deltas, p.kept = nil, 0
	}
	p.version, p.node, p.diskErr = next, node, err
	p.deltas = append(p.deltas, d)
	p.kept += cost(&d)
	for p.kept > maxHistory && len(p.deltas) > 1 {
		p.kept -= cost(&p.deltas[0])
		p.deltas = p.deltas[1:]
	}
	close(p.bell)
	p.bell = make(chan struct{})
}

// Since returns the deltas that lead from a serial to the current version,
// or false if the history does not reach back that far. The deltas are shared
// and must not be modified.
func (p *Primary) Since(serial uint32) (record.Version, []record.Delta, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if serial == p.version.Serial {
		return p.version, nil, true
	}
	for i := len(p.deltas) - 1; i >= 0; i-- {
		if p.deltas[i].From == serial {
			return p.version, p.deltas[i:len(p.deltas):len(p.deltas)], true
		}
	}
	return p.version, nil, false
}

// Snapshot returns the whole zone at one version.
func (p *Primary) Snapshot() (record.Version, record.Node, []location.Binding) {
	p.writing.Lock()
	defer p.writing.Unlock()
	return p.version, p.node, p.bindings()
}
