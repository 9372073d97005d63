package update

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/asterfed/asterfed/zone/datadir"
	"github.com/asterfed/asterfed/zone/tsig"
)

// fudge is how far the clocks of the signer and of this node may be apart,
// whatever the signature allows (RFC 8945 §5.2.3, §10).
const fudge = tsig.Fudge * time.Second

// ErrTime is the error of a message that was signed too long ago or too far in the
// future, or was accepted before: BADTIME (RFC 8945 §5.2.3).
var ErrTime = errors.New("signed at another time, or accepted before")

// replayFile is the name of the file in the data directory.
const replayFile = "update.seen"

// Replay remembers the signatures of accepted messages for as long as they would be
// good, so that none is accepted twice. It keeps them on disk, so that the next
// process does not accept them either. If the machine has crashed in between, or the
// file is gone, everything signed before this process began is too old. Safe for
// concurrent use.
type Replay struct {
	now    func() time.Time
	path   string
	header string

	mu    sync.Mutex
	file  *os.File // nil until something could be written
	size  int64
	lines int
	limit int            // lines at which the file is rewritten
	seen  map[mark]int64 // until when, Unix seconds
	floor int64          // what was signed before is too old
	ended bool           // the file is the next process's
}

// mark stands for a signature: a hash of key and MAC.
type mark [16]byte

// OpenReplay reads what is remembered in dir. What cannot be read makes old
// messages too old, no more. Boot is a word that changes when the machine
// starts.
func OpenReplay(dir, boot string, now func() time.Time) *Replay {
	r := &Replay{now: now, path: filepath.Join(dir, replayFile), seen: map[mark]int64{}, floor: now().Unix(),
		header: "asterfed-replay 1 boot=" + boot + "\n"}
	raw, err := os.ReadFile(r.path)
	if text, ok := strings.CutPrefix(string(raw), r.header); ok && err == nil && boot != "" {
		r.read(text)
	}
	r.rewrite() // if the disk is full, the first message tries again
	return r
}

// read takes the floor and the signatures out of the file's text.
func (r *Replay) read(text string) {
	floor, marks, whole := strings.Cut(text, "\n")
	n, err := strconv.ParseInt(floor, 10, 64)
	if err != nil || !whole {
		return
	}
	r.floor = n
	for line := range strings.Lines(marks) {
		until, sum, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		n, err := strconv.ParseInt(until, 10, 64)
		raw, herr := hex.DecodeString(sum)
		if err != nil || herr != nil || len(raw) != len(mark{}) {
			continue // the torn end
		}
		r.seen[mark(raw)] = n
	}
}

// Take remembers a signature. The error is ErrTime if it must not be taken, or
// that of the disk, which is then full: nothing is remembered, and nothing is
// to be done.
func (r *Replay) Take(key, mac string, signed time.Time) error {
	sum := sha256.Sum256([]byte(key + " " + mac))
	m := mark(sum[:len(mark{})])
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return fmt.Errorf("remember signature: %w", os.ErrClosed)
	}
	now, at := r.now(), signed.Unix()
	if d := now.Sub(signed); d > fudge || d < -fudge {
		return fmt.Errorf("%w: %v from now", ErrTime, -d.Round(time.Second))
	}
	if at < r.floor {
		return fmt.Errorf("%w: before this node began", ErrTime)
	}
	if _, again := r.seen[m]; again {
		return fmt.Errorf("%w: it is a replay", ErrTime)
	}
	until := at + tsig.Fudge + 1
	if err := r.append(fmt.Sprintf("%d %x\n", until, m)); err != nil {
		return fmt.Errorf("remember signature: %w", err)
	}
	r.seen[m] = until
	return nil
}

func (r *Replay) append(line string) error {
	if r.file == nil || r.lines >= r.limit {
		if err := r.rewrite(); err != nil {
			return err
		}
	}
	n, err := r.file.WriteString(line)
	if err != nil {
		r.file.Truncate(r.size)
		r.file.Seek(r.size, io.SeekStart)
		return err
	}
	r.size += int64(n)
	r.lines++
	return nil
}

// rewrite replaces the file by one without what is no longer good anyway.
func (r *Replay) rewrite() error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s%d\n", r.header, r.floor)
	for m, until := range r.seen {
		if until < r.now().Unix() {
			delete(r.seen, m)
			continue
		}
		fmt.Fprintf(&b, "%d %x\n", until, m)
	}
	file, err := datadir.ReplaceOpen(r.path, datadir.Atomic, 0o640, datadir.Text(b.String()))
	if err != nil {
		return err
	}
	if r.file != nil {
		r.file.Close()
	}
	r.file, r.size, r.lines, r.limit = file, int64(b.Len()), len(r.seen), 2*len(r.seen)+1000
	return nil
}

// Close ends the file; what is remembered stays in it. No signature is accepted
// from then on: the file belongs to whoever opens it next.
func (r *Replay) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	r.file = nil
	return err
}
