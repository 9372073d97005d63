package zone

import (
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/asterfed/asterfed/zone/location"
)

// Primary is the primary of this node's own home zone: the one writer of its
// bindings. Every batch of changes is journalled, gets the next serial, and
// enters the view. Safe for concurrent use.
type Primary struct {
	home    *Home
	log     *slog.Logger
	mu      sync.Mutex
	store   *location.Store
	node    Node
	version Version
	deltas  []Delta // oldest first, contiguous, up to version
	kept    int     // changes in deltas
	disk    *Journal
	bell    chan struct{} // closed and replaced at every new version
	diskErr error
}

// Delta is one step of a home zone from a serial to the next. Node is nil
// where the apex record did not change.
type Delta struct {
	From, To uint32
	OldNode  *Node
	Node     *Node
	Changes  []location.Change
}

// maxDeltas bounds the history kept for IXFR, in changes; a secondary that is
// further behind gets a full zone.
const maxDeltas = 200_000

// PrimaryConfig is what a Primary starts from.
type PrimaryConfig struct {
	View    *View
	Clock   *location.Clock
	Node    Node
	Journal *Journal // nil keeps nothing on disk
	Logger  *slog.Logger
}

// NewPrimary returns the primary of the view's own home, with what the
// journal holds already in the view. Without a journal, or with an empty one,
// it has a new epoch.
func NewPrimary(c PrimaryConfig) *Primary {
	p := &Primary{home: c.View.Home(c.View.self), log: c.Logger, node: c.Node, disk: c.Journal,
		store: location.NewStore(c.Clock, c.View.Rival), bell: make(chan struct{})}
	var kept []location.Binding
	if c.Journal != nil {
		p.version, kept, p.deltas = c.Journal.Version(), c.Journal.Bindings(), c.Journal.Deltas()
		for i := range p.deltas {
			p.kept += len(p.deltas[i].Changes)
		}
		for _, b := range kept {
			p.store.Restore(b)
			c.Clock.Observe(b.Stamp)
		}
	}
	if p.version.Epoch == "" {
		p.version = Version{Epoch: NewEpoch(), Serial: 1}
	}
	p.home.Replace(p.version, &p.node, kept)
	if c.Journal == nil || c.Journal.Node() == nil || !c.Journal.Node().Equal(p.node) {
		node := p.node
		d := Delta{Node: &node}
		if c.Journal != nil {
			d.OldNode = c.Journal.Node()
		}
		p.commit(d)
	}
	return p
}

// Version returns the current version.
func (p *Primary) Version() Version {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.version
}

// Node returns what the node tells of itself now.
func (p *Primary) Node() Node {
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
	p.mu.Lock()
	defer p.mu.Unlock()
	changes := slices.DeleteFunc(f(p.store), func(c location.Change) bool { return c.Old == c.New })
	if len(changes) == 0 {
		return 0, nil
	}
	return len(changes), p.commit(Delta{Changes: changes})
}

// Read lets f read the store.
func (p *Primary) Read(f func(*location.Store)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(p.store)
}

// SetNode changes what the node tells of itself.
func (p *Primary) SetNode(f func(*Node)) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	old, next := p.node, p.node
	next.Addrs, next.SIP = slices.Clone(old.Addrs), slices.Clone(old.SIP)
	f(&next)
	if next.Equal(old) {
		return nil
	}
	return p.commit(Delta{OldNode: &old, Node: &next})
}

// Recover takes over what a peer has kept of this home zone: a serial that
// must be exceeded, the stamps of contacts, and, unless the registrar has
// already listed, the bindings themselves.
func (p *Primary) Recover(held Version, kept []location.Binding, listed bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var changes []location.Change
	for _, b := range kept {
		changes = append(changes, p.store.Recover(b, listed)...)
	}
	if Newer(held.Serial, p.version.Serial) {
		p.version.Serial = held.Serial
		p.deltas, p.kept = nil, 0
	}
	return p.commit(Delta{Changes: changes})
}

// commit gives d the next serial. The caller holds the lock.
func (p *Primary) commit(d Delta) error {
	d.From, d.To = p.version.Serial, p.version.Serial+1
	p.version.Serial = d.To
	if d.Node != nil {
		p.node = *d.Node
	}
	p.deltas = append(p.deltas, d)
	p.kept += len(d.Changes)
	for p.kept > maxDeltas && len(p.deltas) > 1 {
		p.kept -= len(p.deltas[0].Changes)
		p.deltas = p.deltas[1:]
	}
	err := p.write(d)
	p.home.Apply(p.version, d.Node, d.Changes)
	close(p.bell)
	p.bell = make(chan struct{})
	return err
}

// write journals d. A disk that fails is reported once, and again when it
// works: the journal is then written anew from memory.
func (p *Primary) write(d Delta) error {
	if p.disk == nil {
		return nil
	}
	var err error
	if p.diskErr == nil {
		err = p.disk.Append(d)
	}
	if p.diskErr != nil || err == nil && p.disk.Bloated(p.store.Len()) {
		err = p.disk.Rewrite(p.version, &p.node, p.store.Bindings())
	}
	if err != nil {
		err = fmt.Errorf("journal home zone: %w", err)
	}
	switch {
	case err != nil && p.diskErr == nil:
		p.log.Error("home zone is not kept on disk; serving goes on from memory", "err", err)
	case err == nil && p.diskErr != nil:
		p.log.Info("home zone is kept on disk again", "serial", p.version.Serial)
	}
	p.diskErr = err
	return err
}

// DiskErr returns why the last batch could not be kept, nil if it was.
func (p *Primary) DiskErr() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.diskErr
}

// Since returns the deltas that lead from a serial to the current version,
// or false if the history does not reach back that far. The deltas are shared
// and must not be modified.
func (p *Primary) Since(serial uint32) (Version, []Delta, bool) {
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
func (p *Primary) Snapshot() (Version, Node, []location.Binding) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.version, p.node, p.store.Bindings()
}

// Close makes the journal safe against power loss and ends it.
func (p *Primary) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.disk == nil {
		return nil
	}
	err := p.disk.Close()
	p.disk = nil
	return err
}
