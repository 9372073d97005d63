package source

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/asterfed/asterfed/plugin/federation/directory"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/primary"
)

// Directory publishes what the directory's file says, and decides which users may
// have their home here. Run, Read and checkHomes are for one goroutine, the other
// methods for any.
type Directory struct {
	cfg      DirectoryConfig
	now      atomic.Pointer[directory.Directory]
	badLines atomic.Int64
	homeless atomic.Int64
	file     Reread
	first    sync.Once
	loaded   chan struct{}   // closed once the file was read, or could not be
	unknown  map[string]bool // homes that were warned of
}

// DirectoryConfig says which file is read. Permits, Known and Logger are required,
// Primary where there is a file.
type DirectoryConfig struct {
	File    string // "" for none: everything is allowed, nothing published
	Options directory.Options
	Primary *primary.Primary
	// Permits reports whether the Corefile lets a user be published here.
	Permits func(location.AOR) bool
	// Known reports whether a node takes part in the federation, and whether all
	// that do are known yet.
	Known  func(node string) (is, settled bool)
	Logger *slog.Logger
}

// NewDirectory returns a directory that has read nothing yet.
func NewDirectory(c DirectoryConfig) *Directory {
	return &Directory{cfg: c, unknown: map[string]bool{}, loaded: make(chan struct{}), file: Reread{Logger: c.Logger, Kept: "directory cannot be read; the one read before stays in force"}}
}

// Allows reports whether the directory lets a user have a home here.
func (d *Directory) Allows(a location.AOR) bool { return d.now.Load().Allows(a, d.cfg.Options.Node) }

// Permits reports whether a user may be published by this node.
func (d *Directory) Permits(a location.AOR) bool { return d.cfg.Permits(a) && d.Allows(a) }

// BadLines returns how many lines were left out since they cannot be read, and how
// many since no home that they name is a node.
func (d *Directory) BadLines() (bad, homeless int64) { return d.badLines.Load(), d.homeless.Load() }

// Loaded is closed once the file was read for the first time, or could not be.
// Until then what an earlier process has published stays, and Allows and Permits
// allow everything.
func (d *Directory) Loaded() <-chan struct{} { return d.loaded }

// Run reads the file now and whenever it changes, until ctx ends.
func (d *Directory) Run(ctx context.Context) {
	d.Read()
	if d.cfg.File != "" {
		Every(ctx, filePeriod, func() {
			d.Read()
			d.checkHomes()
		})
	}
}

// Read reads the file if it is not the one read last.
func (d *Directory) Read() {
	defer d.first.Do(func() { close(d.loaded) })
	if d.cfg.File == "" {
		return
	}
	d.file.poll(d.cfg.File, func() error {
		next, bad, err := directory.ReadFile(d.cfg.File, d.cfg.Options, d.now.Load())
		if err != nil {
			return err
		}
		if err := d.publish(next); err != nil {
			return fmt.Errorf("publish directory: %w", err)
		}
		bad.Log(d.cfg.Logger, "line of the directory left out", d.cfg.File)
		d.cfg.Logger.Info("directory read", "file", d.cfg.File, "bindings", next.Len, "bad_lines", bad.N)
		d.badLines.Store(int64(bad.N))
		return nil
	})
}

// checkHomes warns once of each home that the file names and that no node has: what
// its lines say is published by nobody.
func (d *Directory) checkHomes() {
	now := d.now.Load()
	if now == nil {
		return
	}
	missing, homeless := map[string]int{}, 0
	for homes, lines := range now.Lines {
		found := false
		for _, node := range homes.Names() {
			is, settled := d.cfg.Known(node)
			if !settled {
				return
			}
			if found = found || is; !is {
				missing[node] += lines
			}
		}
		if !found {
			homeless += lines
		}
	}
	d.homeless.Store(int64(homeless))
	for _, node := range slices.Sorted(maps.Keys(missing)) {
		if !d.unknown[node] {
			d.cfg.Logger.Warn("directory names a home that no node has: it publishes nothing of these lines", "file", d.cfg.File, "home", node,
				"lines", missing[node], "remedy", "correct the name in the column home, or add the node")
		}
	}
	for node := range d.unknown {
		if missing[node] == 0 {
			delete(d.unknown, node)
		}
	}
	for node := range missing {
		d.unknown[node] = true
	}
}

// publish publishes what is new and withdraws what the last file had; users whose
// home may not be here any more are withdrawn too.
func (d *Directory) publish(next *directory.Directory) error {
	last := d.now.Load()
	added, removed := next.Since(last)
	wanted := make(map[location.Binding]bool, len(added))
	for _, b := range added {
		wanted[b] = true
	}
	err := d.cfg.Primary.Publish(func(_ *location.Store, held *location.Publications) (out []location.Change, err error) {
		if last == nil { // what an earlier process has published
			removed = held.Bindings()
		}
		for _, b := range removed {
			if now, known := held.Get(b); known && now == b && b.Info.Details().By == directory.Source && !wanted[b] {
				out = append(out, location.Change{Old: b})
			}
		}
		for _, b := range added {
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
	d.now.Store(next)
	d.cfg.Primary.Update(func(s *location.Store) []location.Change {
		return s.Withdraw(func(a location.AOR) bool { return !d.Permits(a) })
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
