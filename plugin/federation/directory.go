package federation

import (
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/directory"
	"github.com/asterfed/asterfed/zone/location"
)

// directoryPeriod is how often the directory's file is looked at.
const directoryPeriod = 2 * time.Second

// catalogue keeps what the directory's file says published. The zero value,
// without a file, allows everything.
type catalogue struct {
	r    *Runtime
	now  atomic.Pointer[directory.Directory]
	bad  atomic.Int64
	seen os.FileInfo
	told string // the last error that was logged
}

// allows reports whether an AOR may have its home here.
func (c *catalogue) allows(a location.AOR) bool { return c.now.Load().Allows(a, c.r.cfg.Node) }

// run reads the file whenever it changes.
func (c *catalogue) run() {
	tick := time.NewTicker(directoryPeriod)
	defer tick.Stop()
	for {
		select {
		case <-c.r.ctx.Done():
			return
		case <-tick.C:
			c.look()
		}
	}
}

// look reads the file if it is not the one read last. What cannot be read
// changes nothing: the last directory goes on.
func (c *catalogue) look() {
	info, err := os.Stat(c.r.cfg.Directory)
	if err != nil {
		c.tell(fmt.Errorf("read directory: %w", err))
		return
	}
	if sameFile(c.seen, info) {
		return
	}
	d, bad, err := directory.ReadFile(c.r.cfg.Directory, c.r.cfg.DirectoryOptions())
	if err != nil {
		c.tell(err)
		return
	}
	if err := c.take(d); err != nil {
		c.tell(fmt.Errorf("publish directory: %w", err))
		return
	}
	c.seen, c.told = info, ""
	for _, b := range bad {
		c.r.log.Warn("line of the directory left out", "file", c.r.cfg.Directory, "line", b.Line, "err", b.Err)
	}
	c.r.log.Info("directory read", "file", c.r.cfg.Directory, "bindings", len(d.Bindings), "bad_lines", len(bad))
	c.bad.Store(int64(len(bad)))
}

// sameFile reports whether a file is, unchanged, the one seen before; nil was
// none.
func sameFile(seen, now os.FileInfo) bool {
	return seen != nil && os.SameFile(now, seen) && now.ModTime().Equal(seen.ModTime()) && now.Size() == seen.Size()
}

// tell logs an error once, not every two seconds.
func (c *catalogue) tell(err error) {
	if err.Error() != c.told {
		c.told = err.Error()
		c.r.log.Error("the last directory goes on", "err", err)
	}
}

// take publishes what is new and withdraws what the last file had; users whose
// home may not be here any more are withdrawn too.
func (c *catalogue) take(d *directory.Directory) error {
	wanted := make(map[location.Binding]bool, len(d.Bindings))
	for _, b := range d.Bindings {
		wanted[b] = true
	}
	err := c.r.primary.Publish(func(_ *location.Store, held *location.Publications) (out []location.Change, err error) {
		for _, b := range held.Bindings() {
			if b.Info.Details().By == directory.Source && !wanted[b] {
				out = append(out, location.Change{Old: b})
			}
		}
		for _, b := range d.Bindings {
			old, known := held.Get(b)
			switch {
			case !known:
				out = append(out, location.Change{New: b})
			case old != b:
				out = append(out, location.Change{Old: old, New: b})
			}
		}
		return merged(out), nil
	})
	if err != nil {
		return err
	}
	c.now.Store(d)
	c.r.primary.Update(func(s *location.Store) []location.Change {
		return s.Withdraw(func(a location.AOR) bool { return !c.r.permits(a) })
	})
	return nil
}

// merged leaves out the removals of what a replacement replaces.
func merged(changes []location.Change) []location.Change {
	replaced := map[location.Binding]bool{}
	for _, c := range changes {
		if c.New.Kind != 0 {
			replaced[c.Old] = true
		}
	}
	out := changes[:0]
	for _, c := range changes {
		if c.New.Kind != 0 || !replaced[c.Old] {
			out = append(out, c)
		}
	}
	return out
}

// permits reports whether an AOR may be published by this node.
func (r *Runtime) permits(a location.AOR) bool { return r.cfg.Permits(a) && r.catalogue.allows(a) }
