package primary

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
)

// Publish lets f look at the home zone and publishes the changes of published
// bindings that it returns as one version. An error of f, or of the disk, is
// returned and nothing has changed; without an error the changes survive a
// power loss.
func (p *Primary) Publish(f func(*location.Store, *location.Publications) ([]location.Change, error)) error {
	p.writing.Lock()
	defer p.writing.Unlock()
	if p.closed {
		return errClosed
	}
	changes, err := f(p.store, p.pubs)
	if err != nil {
		return err
	}
	changes = slices.DeleteFunc(changes, func(c location.Change) bool { return c.Old == c.New })
	if len(changes) == 0 {
		return nil
	}
	room := p.room()
	for _, c := range changes {
		if c.New.Kind != 0 {
			if err := p.check(c.New); err != nil {
				return err
			}
		}
		if err := room.take(c); err != nil {
			return err
		}
	}
	d := record.Delta{From: p.version.Serial, To: p.version.Serial + 1, Changes: changes}
	next, node := record.Version{Epoch: p.version.Epoch, Serial: d.To}, p.node
	undo := make([]location.Change, 0, len(changes))
	for _, c := range slices.Backward(changes) {
		undo = append(undo, location.Change{Old: c.New, New: c.Old})
	}
	takeBack := func() {}
	if p.disk != nil {
		takeBack = p.disk.mark()
	}
	p.pubs.Apply(changes) // before the disk: the journal may be rewritten from it
	if err = p.write(d, next, &node); err == nil && p.disk != nil {
		err = p.disk.sync()
	}
	if err != nil {
		takeBack()
		p.pubs.Apply(undo)
		p.mu.Lock()
		p.diskErr = err // the next batch rewrites the journal, without this one
		p.mu.Unlock()
		return fmt.Errorf("keep on disk: %w", err)
	}
	p.publish(d, next, node, nil)
	return nil
}

// Expire withdraws what has ended at t, as one version, and returns when the
// next binding ends, zero for never. A disk that fails keeps nothing in the
// zone: what it still holds ends again at the next start.
func (p *Primary) Expire(t time.Time) (withdrawn []location.Change, next time.Time) {
	p.writing.Lock()
	defer p.writing.Unlock()
	withdrawn, next = p.pubs.Expired(t)
	if len(withdrawn) > 0 {
		p.pubs.Apply(withdrawn)
		p.commit(record.Delta{Changes: withdrawn})
	}
	return withdrawn, next
}

// restore puts back what a journal has kept: into the store, and the view
// meanwhile.
func (p *Primary) restore(kept []location.Binding) {
	var stored sync.WaitGroup
	stored.Go(func() {
		registered := kept
		if slices.ContainsFunc(kept, func(b location.Binding) bool { return !b.Kind.Registered() }) {
			registered = nil
			for _, b := range kept {
				if b.Kind.Registered() {
					registered = append(registered, b)
				} else {
					p.pubs.Apply([]location.Change{{New: b}})
				}
			}
		}
		p.store.Restore(registered...)
	})
	p.zone.Replace(p.version, &p.node, kept)
	stored.Wait()
}

func (p *Primary) bindings() []location.Binding {
	return p.published(append(p.store.Bindings(), p.pubs.Bindings()...))
}

// write journals d, which leads to version v. A disk that fails is reported
// once, and again when it works: the journal is then rewritten from memory.
func (p *Primary) write(d record.Delta, v record.Version, node *record.Node) error {
	if p.disk == nil {
		return nil
	}
	var err error
	if p.diskErr == nil {
		err = p.disk.Append(d)
	}
	if p.diskErr != nil || err == nil && p.disk.bloated(p.store.Len()+p.pubs.Len()) {
		err = p.disk.Rewrite(v, node, p.bindings())
	}
	if err != nil {
		err = fmt.Errorf("journal home zone: %w", err)
	}
	switch {
	case err != nil && p.diskErr == nil:
		p.log.Error("home zone is not kept on disk; serving goes on from memory", "err", err)
	case err == nil && p.diskErr != nil:
		p.log.Info("home zone is kept on disk again", "serial", v.Serial)
	}
	return err
}

// DiskErr returns why the last batch could not be kept, nil if it was.
func (p *Primary) DiskErr() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.diskErr
}

// errClosed is the error of what comes too late to be kept.
var errClosed = errors.New("the node is stopping")

// Close makes the journal safe against power loss and ends it. Nothing can be
// published from then on.
func (p *Primary) Close() error {
	p.writing.Lock()
	defer p.writing.Unlock()
	p.closed = true
	if p.disk == nil {
		return nil
	}
	err := p.disk.Close()
	p.disk = nil
	return err
}
