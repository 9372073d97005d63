package zone

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/asterfed/asterfed/zone/location"
)

// Journal keeps a home zone on disk, as text: a header, then batches of lines
// "+ aor kind contact stamp" and "- aor kind contact stamp", behind which
// published bindings have their details as key=value in URL escapes, and
// "@ …" for the apex TXT, each ended by "= serial crc32". A torn last batch is cut off.
// It is not safe for concurrent use.
//
// A process that dies loses nothing. After a crash of the whole machine the
// last batches may be missing although peers have them: the boot id tells,
// and the zone then begins a new epoch, so that every peer takes it anew. A
// batch that does not fit on the disk spoils the boot id, to the same end.
type Journal struct {
	path    string
	header  string
	boot    string
	file    *os.File // nil while the disk is full since the start
	err     error    // why it could not be opened for writing
	size    int64
	lines   int
	version Version
	fresh   bool
	live    map[journalKey]location.Binding // until NewPrimary has taken it
	node    *Node
	deltas  []Delta
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
	j = &Journal{path: filepath.Join(dir, JournalFile), boot: bootID(),
		header: fmt.Sprintf("asterfed-journal 1 %s %s", node, origin), live: map[journalKey]location.Binding{}}
	raw, err := os.ReadFile(j.path)
	if err != nil && !os.IsNotExist(err) {
		return nil, nil, fmt.Errorf("read journal: %w", err)
	}
	j.fresh = true
	if len(raw) > 0 {
		if aside = j.replay(raw); aside != nil {
			name := j.path + ".corrupt-" + time.Now().UTC().Format("20060102T150405.000")
			if err := os.Rename(j.path, name); err != nil {
				return nil, aside, fmt.Errorf("set journal aside: %w", err)
			}
			aside = fmt.Errorf("journal set aside as %s: %w", name, aside)
			j.version, j.deltas, j.node, j.fresh = Version{}, nil, nil, true
			j.live = map[journalKey]location.Binding{}
		}
	}
	if j.version.Epoch == "" {
		j.version = Version{Epoch: NewEpoch(), Serial: 1}
	}
	all := make([]location.Binding, 0, len(j.live))
	for _, b := range j.live {
		all = append(all, b)
	}
	if err := j.Rewrite(j.version, j.node, all); errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		j.err = err
		j.spoil()
	} else if err != nil {
		return nil, aside, err
	}
	return j, aside, nil
}

// Err returns why nothing could be written at the start, for want of space:
// Rewrite then comes before Append.
func (j *Journal) Err() error { return j.err }

// Version returns the version that was read.
func (j *Journal) Version() Version { return j.version }

// Fresh reports whether no registration was ever kept, as at the first start
// and after data was lost; an empty zone that once had bindings is kept.
func (j *Journal) Fresh() bool { return j.fresh }

// Boot returns a word that changes when the machine starts, "" if it cannot be
// told.
func (j *Journal) Boot() string { return j.boot }

// release frees what was read.
func (j *Journal) release() { j.live, j.deltas = nil, nil }

// Bindings returns what was read.
func (j *Journal) Bindings() []location.Binding {
	out := make([]location.Binding, 0, len(j.live))
	for _, b := range j.live {
		out = append(out, b)
	}
	return out
}

// Deltas returns the steps that were read, oldest first.
func (j *Journal) Deltas() []Delta { return j.deltas }

// Node returns the apex record that was read, nil if none was.
func (j *Journal) Node() *Node { return j.node }

// Append adds one batch.
func (j *Journal) Append(d Delta) error {
	var b bytes.Buffer
	if d.Node != nil {
		writeNode(&b, d.Node)
	}
	for _, c := range d.Changes {
		writeChange(&b, c)
	}
	j.fresh = j.fresh && len(d.Changes) == 0
	n := bytes.Count(b.Bytes(), []byte("\n"))
	if err := j.batch(&b, d.To); err != nil {
		return err
	}
	j.lines += n
	return nil
}

func writeChange(b *bytes.Buffer, c location.Change) {
	if c.Old.Kind != 0 {
		writeLine(b, '-', c.Old)
	}
	if c.New.Kind != 0 {
		writeLine(b, '+', c.New)
	}
}

func writeLine(b *bytes.Buffer, op byte, x location.Binding) {
	fmt.Fprintf(b, "%c %s %s %s %s", op, x.AOR, x.Kind, x.Contact, x.Stamp)
	x.Info.Details().Each(func(key, val string) { fmt.Fprintf(b, " %s=%s", key, url.QueryEscape(val)) })
	b.WriteByte('\n')
}

func writeNode(b *bytes.Buffer, n *Node) {
	fmt.Fprintf(b, "@ %s\n", strings.Join(n.strings(), " "))
}

// batch ends the lines in b and writes them. A write that fails part way is
// undone, so that the next one does not stand behind half a batch.
func (j *Journal) batch(b *bytes.Buffer, serial uint32) error {
	sum := crc32.ChecksumIEEE(b.Bytes())
	fmt.Fprintf(b, "= %d %08x\n", serial, sum)
	n, err := j.file.Write(b.Bytes())
	if err != nil {
		j.file.Truncate(j.size)
		j.file.Seek(j.size, io.SeekStart)
		j.spoil()
		return err
	}
	j.size += int64(n)
	return nil
}

// Bloated reports whether most of the file is history.
func (j *Journal) Bloated(live int) bool { return j.lines > 4*live+50_000 }

// Rewrite replaces the file by one that holds just the given bindings:
// temporary file, fsync, rename, fsync of the directory.
func (j *Journal) Rewrite(v Version, node *Node, all []location.Binding) error {
	tmp, err := os.OpenFile(j.path+".tmp", os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o640)
	if err != nil {
		return fmt.Errorf("rewrite journal: %w", err)
	}
	var b bytes.Buffer
	j.fresh = j.fresh && len(all) == 0
	fmt.Fprintf(&b, "%s epoch=%s boot=%s", j.header, v.Epoch, j.boot)
	if j.fresh {
		b.WriteString(" fresh")
	}
	b.WriteByte('\n')
	head := b.Len()
	if node != nil {
		writeNode(&b, node)
	}
	for _, x := range all {
		writeLine(&b, '+', x)
	}
	fmt.Fprintf(&b, "= %d %08x\n", v.Serial, crc32.ChecksumIEEE(b.Bytes()[head:]))
	_, err = tmp.Write(b.Bytes())
	if err == nil {
		err = tmp.Sync()
	}
	if err == nil {
		err = os.Rename(tmp.Name(), j.path)
	}
	if err != nil {
		tmp.Close()
		os.Remove(j.path + ".tmp")
		return fmt.Errorf("rewrite journal: %w", err)
	}
	if d, err := os.Open(filepath.Dir(j.path)); err == nil {
		d.Sync()
		d.Close()
	}
	if j.file != nil {
		j.file.Close()
	}
	j.file, j.size, j.lines = tmp, int64(b.Len()), len(all)
	return nil
}

// Sync makes everything written so far survive a power loss.
func (j *Journal) Sync() error {
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
