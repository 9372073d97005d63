package history

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/asterfed/asterfed/zone/view"
	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// Bounds of a Log. At 1,000 changes a second the queue holds a minute.
const (
	maxQueue  = 65_536
	flushTime = time.Second
	aliveTime = 30 * time.Second // how often an idle log says that it lives
	homesTime = time.Hour        // how often all homes are written down
	maxChunk  = 4_096            // records of a chunk
)

// Config says where the log is and how large it may grow. Path is required.
type Config struct {
	Path     string
	MaxAge   time.Duration // older records are deleted; zero: no bound
	MaxBytes int64         // of chunks; zero: no bound
	Logger   *slog.Logger
	Now      func() time.Time

	noSync bool // tests need not survive a power loss
}

// Log is the history of one view. Make one with New, so that the view can report
// changes to it, then Open and Run it. Safe for concurrent use.
type Log struct {
	cfg Config

	mu      sync.Mutex // of the queue
	queue   []view.Change
	off     bool  // there is no file, and will be none
	dropped int64 // altogether
	missing int64 // since the last gap was written

	db      *bolt.DB // nil until Open, and if it cannot be opened
	size    int64    // octets of all chunks; the writer's
	pending []view.Change
	told    string // the last error that was logged
	born    time.Time
	lived   int64     // when the last run was alive, Unix ms
	pack    packer    // the writer's
	spoilt  bool      // the file cannot be written any more
	began   entry     // the start of this run, until it is written
	homesAt time.Time // when all homes were written, and what was written since
	homesBy int64
	aliveAt time.Time

	reading sync.Mutex // one question at a time
}

// New returns a log that keeps what it is given in memory until Run.
func New(c Config) *Log {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Log{cfg: c, born: c.Now()}
}

// Record records one change. It never waits for the disk.
func (l *Log) Record(c view.Change) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.off {
		return
	}
	if len(l.queue) >= maxQueue {
		l.dropped++
		l.missing++
		return
	}
	l.queue = append(l.queue, c)
}

// Dropped returns how many changes were lost because the disk was too slow or
// full.
func (l *Log) Dropped() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dropped
}

// Buckets and keys of the file.
var (
	chunks   = []byte("chunks") // time of the first record, Unix ns → chunk
	meta     = []byte("meta")
	aliveKey = []byte("alive") // Unix ms of the last sign of life
)

// Open opens the file. A file that cannot be read is set aside, never deleted. An
// error means that nothing is kept; the log can be used all the same.
func (l *Log) Open() error {
	db, err := l.open()
	if errors.Is(err, errUnreadable) {
		aside := fmt.Sprintf("%s.corrupt-%s", l.cfg.Path, l.cfg.Now().UTC().Format("20060102T150405"))
		if rerr := os.Rename(l.cfg.Path, aside); rerr == nil {
			l.cfg.Logger.Error("history could not be read; a new one begins", "err", err, "aside", aside)
			db, err = l.open()
		}
	}
	if err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.off, l.queue = true, nil
		return fmt.Errorf("open history: %w", err)
	}
	l.db = db
	return nil
}

var errUnreadable = errors.New("history file cannot be read")

// guard turns into an error a panic of bbolt at pages that are damaged, and the fault
// of a memory map whose file was cut short. It is deferred.
func guard(faults bool, err *error) {
	debug.SetPanicOnFault(faults)
	if p := recover(); p != nil {
		*err = fmt.Errorf("%w: %v", errUnreadable, p)
	}
}

// open opens the file.
func (l *Log) open() (db *bolt.DB, err error) {
	defer guard(debug.SetPanicOnFault(true), &err)
	path := l.cfg.Path
	db, err = bolt.Open(path, 0o640, &bolt.Options{Timeout: time.Second, FreelistType: bolt.FreelistMapType, NoSync: l.cfg.noSync})
	switch {
	case errors.Is(err, berrors.ErrInvalid) || errors.Is(err, berrors.ErrChecksum) || errors.Is(err, berrors.ErrVersionMismatch):
		return nil, fmt.Errorf("%w: %w", errUnreadable, err)
	case err != nil:
		return nil, err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		if info, err := os.Stat(path); err != nil || info.Size() < tx.Size() {
			return fmt.Errorf("%w: it ends early", errUnreadable)
		}
		for _, name := range [][]byte{chunks, meta} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return l.measure(tx) // and see whether all of it can be read
	})
	if err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

// Run writes what Record takes until ctx ends, and closes the file. Homes are
// those of the view, now; settings is what of its settings decides about
// answers, as "order=newest".
func (l *Log) Run(ctx context.Context, homes func() map[string]view.HomeState, settings string) {
	if l.db == nil {
		return
	}
	defer func() {
		if !l.spoilt { // else a lock of the file may be held for ever
			l.db.Close()
		}
	}()
	l.begin(settings)
	tick := time.NewTicker(flushTime)
	defer tick.Stop()
	for {
		if l.flush(homes); l.spoilt {
			l.abandon()
			return
		}
		select {
		case <-ctx.Done():
			l.flush(homes)
			return
		case <-tick.C:
		}
	}
}

// abandon ends the writing of a file that was spoilt while it was open. The next
// start sets it aside.
func (l *Log) abandon() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.off, l.queue, l.pending = true, nil, nil
}
