package primary

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/asterfed/asterfed/zone/datadir"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
)

// Journal keeps a home zone on disk, as text: a header, then batches of lines
// "+ aor kind contact stamp" and "- aor kind contact stamp", behind which
// published bindings have their details as key=value in URL escapes, and
// "@ …" for the apex TXT, each ended by "= serial crc32". A torn last batch is cut off.
// It is not safe for concurrent use.
//
// A process that dies loses nothing. After a crash of the whole machine the
// last batches may be missing although peers have them: the boot id tells,
// and the zone then begins a new epoch, so that every peer transfers all of it. A
// batch that does not fit on the disk, or a file that cannot be rewritten, spoils
// the boot id, to the same end.
type Journal struct {
	path    string
	header  string
	boot    string
	file    *os.File // nil while the disk is full since the start
	err     error    // why it could not be opened for writing
	size    int64
	lines   int
	buf     []byte // room for a block
	version record.Version
	fresh   bool
	node    *record.Node
	deltas  []record.Delta
	kept    []location.Binding // until New has taken it
	// what batches behind the first say of a binding: none stands for gone
	late map[journalKey]location.Binding
	// bindings that were left out since they must not be published
	left      int
	firstLeft error
}

type journalKey struct {
	aor location.AOR
	id  location.ContactID
}

// JournalFile is the journal's name in the data directory.
const JournalFile = "home.journal"

// OpenJournal opens or creates the journal of a node's home zone in dir. What
// cannot be read is set aside under another name and reported in aside; only
// a disk that does not work is an error. A full one works: see Err.
func OpenJournal(dir, node, origin string) (j *Journal, aside error, err error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, nil, fmt.Errorf("create data directory: %w", err)
	}
	j = &Journal{path: filepath.Join(dir, JournalFile), boot: bootID(), fresh: true,
		header: fmt.Sprintf("asterfed-journal 1 %s %s", node, origin)}
	raw, err := readText(j.path)
	if err != nil && !os.IsNotExist(err) {
		return nil, nil, fmt.Errorf("read journal: %w", err)
	}
	whole := false
	if len(raw) > 0 {
		if whole, aside = j.replay(raw); aside != nil {
			name := j.path + ".corrupt-" + time.Now().UTC().Format("20060102T150405.000")
			if err := os.Rename(j.path, name); err != nil {
				return nil, aside, fmt.Errorf("set journal aside: %w", err)
			}
			aside = fmt.Errorf("journal set aside as %s: %w", name, aside)
			*j = Journal{path: j.path, boot: j.boot, header: j.header, fresh: true}
		}
	}
	if whole {
		err = j.goOn(raw)
	} else {
		if j.version.Epoch == "" {
			j.version = record.Version{Epoch: record.NewEpoch(), Serial: 1}
		}
		err = j.Rewrite(j.version, j.node, j.kept)
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		j.err = err
		j.spoil()
	} else if err != nil {
		return nil, aside, err
	}
	return j, aside, nil
}

// readText returns a file as one string.
func readText(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	var b strings.Builder
	if info, err := f.Stat(); err == nil {
		b.Grow(int(info.Size()))
	}
	_, err = io.Copy(&b, f)
	return b.String(), err
}

// goOn opens the file that was read for more batches: what stands behind its
// last good one is cut off, and the boot id becomes that of now.
func (j *Journal) goOn(raw string) error {
	f, err := os.OpenFile(j.path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("go on with journal: %w", err)
	}
	if err = f.Truncate(j.size); err == nil {
		_, err = f.Seek(j.size, io.SeekStart)
	}
	if before, _, ok := strings.Cut(raw, " boot="); err == nil && ok && !strings.HasPrefix(raw[len(before)+len(" boot="):], j.boot) {
		_, err = f.WriteAt([]byte(j.boot), int64(len(before)+len(" boot=")))
	}
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		f.Close()
		return fmt.Errorf("go on with journal: %w", err)
	}
	j.file = f
	return nil
}

// Err returns why nothing could be written at the start, for want of space:
// Rewrite then comes before Append.
func (j *Journal) Err() error { return j.err }

// Version returns the version that was read.
func (j *Journal) Version() record.Version { return j.version }

// Fresh reports whether no registration was ever kept, as at the first start
// and after data was lost; an empty zone that once had bindings is kept.
func (j *Journal) Fresh() bool { return j.fresh }

// Boot returns a word that changes when the machine starts, "" if it cannot be
// told.
func (j *Journal) Boot() string { return j.boot }

// release frees what was read.
func (j *Journal) release() { j.kept, j.deltas = nil, nil }

// Bindings returns what was read. The slice is shared and must not be
// modified; its strings share the memory of the whole file.
func (j *Journal) Bindings() []location.Binding { return j.kept }

// Deltas returns the steps that were read, oldest first.
func (j *Journal) Deltas() []record.Delta { return j.deltas }

// Node returns the apex record that was read, nil if none was.
func (j *Journal) Node() *record.Node { return j.node }

// Append adds one batch.
func (j *Journal) Append(d record.Delta) error {
	w := blocks{to: j.file, buf: j.buf[:0]}
	n := 0
	if d.Node != nil {
		w.buf, n = appendNode(w.buf, d.Node), 1
	}
	for i := range d.Changes {
		c := &d.Changes[i]
		if c.Old.Kind != 0 {
			w.buf, n = record.AppendLine(w.buf, '-', &c.Old), n+1
		}
		if c.New.Kind != 0 {
			w.buf, n = record.AppendLine(w.buf, '+', &c.New), n+1
		}
		w.next()
	}
	j.fresh = j.fresh && len(d.Changes) == 0
	err := w.end(d.To)
	j.buf = w.buf
	if err != nil {
		j.undo()
		return err
	}
	j.size += w.size
	j.lines += n
	return nil
}

// mark returns a function that takes back what was appended since, unless the file
// has been rewritten.
func (j *Journal) mark() (takeBack func()) {
	file, size := j.file, j.size
	return func() {
		if j.file == file {
			j.size = size
			j.undo()
		}
	}
}

// undo takes back a batch that was written in part, so that the next one does
// not stand behind half of it.
func (j *Journal) undo() {
	j.file.Truncate(j.size)
	j.file.Seek(j.size, io.SeekStart)
	j.spoil()
}

// bloated reports whether most of the file is history.
func (j *Journal) bloated(live int) bool { return j.lines > 4*live+50_000 }

// Rewrite replaces the file by one that holds just the given bindings.
func (j *Journal) Rewrite(v record.Version, node *record.Node, all []location.Binding) error {
	j.fresh = j.fresh && len(all) == 0
	var size int64
	file, err := datadir.ReplaceOpen(j.path, datadir.Durable, 0o640, func(tmp *os.File) error {
		w := blocks{to: tmp, buf: j.buf[:0]}
		w.buf = fmt.Appendf(w.buf, "%s epoch=%s boot=%s", j.header, v.Epoch, j.boot)
		if j.fresh {
			w.buf = append(w.buf, " fresh"...)
		}
		w.buf = append(w.buf, '\n')
		w.write() // the sum is that of the batch alone
		if node != nil {
			w.buf = appendNode(w.buf, node)
		}
		for i := range all {
			w.buf = record.AppendLine(w.buf, '+', &all[i])
			w.next()
		}
		err := w.end(v.Serial)
		j.buf, size = w.buf, w.size
		return err
	})
	if err != nil {
		j.spoil()
		return fmt.Errorf("rewrite journal: %w", err)
	}
	if j.file != nil {
		j.file.Close()
	}
	j.file, j.size, j.lines = file, size, len(all)
	return nil
}

// sync makes everything written so far survive a power loss.
func (j *Journal) sync() error {
	if j.file == nil {
		return j.err
	}
	return j.file.Sync()
}

// Close marks the journal as complete and closes it.
func (j *Journal) Close() error {
	if j.file == nil {
		return j.err
	}
	_, err := j.file.WriteString("! clean\n")
	if err == nil {
		err = j.file.Sync()
	}
	if cerr := j.file.Close(); err == nil {
		err = cerr
	}
	return err
}

// bootID changes when the machine starts (empty where it cannot be told).
func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
