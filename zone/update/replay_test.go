package update

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// clock is a wall clock that a test sets.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func TestReplay(t *testing.T) {
	dir, c := t.TempDir(), &clock{start}
	r := OpenReplay(dir, "boot-1", c.now)
	take := func(key, mac string, signed time.Time, want bool) {
		t.Helper()
		err := r.Take(key, mac, signed)
		if (err == nil) != want || err != nil && !errors.Is(err, ErrTime) {
			t.Errorf("%s %s signed at %v: %v, want taken %v", key, mac, signed.Sub(start), err, want)
		}
	}
	take("k.", "aa", start, true)
	take("k.", "aa", start, false)
	take("other.", "aa", start, true)
	take("k.", "bb", start, true)
	take("k.", "old", start.Add(-fudge-time.Second), false)
	take("k.", "new", start.Add(fudge+time.Second), false)
	take("k.", "ahead", start.Add(fudge), true)
	take("k.", "before", start.Add(-time.Second), false) // this node began later

	// The next process knows it too, and takes what was signed while this one ran.
	r.Close()
	c.t = start.Add(10 * time.Second)
	r = OpenReplay(dir, "boot-1", c.now)
	take("k.", "aa", start, false)
	take("k.", "bb", start, false)
	take("k.", "cc", start.Add(time.Second), true)
	take("k.", "cc", start.Add(time.Second), false)

	// As long as a signature would be good, it is remembered.
	c.t = start.Add(2 * fudge)
	for i := range 5000 {
		take("k.", fmt.Sprint("flood", i), c.t, true)
	}
	take("k.", "ahead", start.Add(fudge), false)
	if n := len(r.seen); n > 5001 {
		t.Errorf("%d signatures are remembered, want 5001 at most", n)
	}

	// A crash of the machine may have lost some: what was signed before is old.
	r.Close()
	c.t = c.t.Add(time.Second)
	r = OpenReplay(dir, "boot-2", c.now)
	take("k.", "dd", c.t.Add(-time.Second), false)
	take("k.", "dd", c.t, true)
	r.Close()
	if err := os.Remove(filepath.Join(dir, replayFile)); err != nil {
		t.Fatal(err)
	}
	r = OpenReplay(dir, "boot-2", c.now)
	take("k.", "ee", c.t.Add(-time.Second), false)
	r.Close()
}

// The torn end that a full disk or a kill leaves does no harm.
func TestReplayTorn(t *testing.T) {
	dir, c := t.TempDir(), &clock{start}
	r := OpenReplay(dir, "b", c.now)
	for _, mac := range []string{"aa", "bb"} {
		if err := r.Take("k.", mac, start); err != nil {
			t.Fatal(err)
		}
	}
	r.Close()
	file := filepath.Join(dir, replayFile)
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	first := strings.Split(string(raw), "\n")[2]
	for n := range len(raw) {
		if err := os.WriteFile(file, raw[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		r := OpenReplay(dir, "b", c.now)
		if whole := strings.Contains(string(raw[:n]), first); whole != errors.Is(r.Take("k.", "aa", start), ErrTime) {
			t.Errorf("with %d octets of %q: aa is known %v, want %v", n, raw, !whole, whole)
		}
		r.Close()
	}
}

// Without a disk nothing is taken.
func TestReplayWithoutDisk(t *testing.T) {
	c := &clock{start}
	r := OpenReplay(filepath.Join(t.TempDir(), "absent"), "b", c.now)
	if err := r.Take("k.", "aa", start); err == nil || errors.Is(err, ErrTime) {
		t.Errorf("taken without a disk: %v", err)
	}
	if len(r.seen) != 0 {
		t.Error("remembered, though nothing was done")
	}
}

// One that has ended accepts nothing: the file is that of the next one.
func TestReplayThatHasEnded(t *testing.T) {
	dir, c := t.TempDir(), &clock{start}
	old := OpenReplay(dir, "boot-1", c.now)
	old.Close()
	next := OpenReplay(dir, "boot-1", c.now)
	if err := next.Take("k.", "aa", start); err != nil {
		t.Fatal(err)
	}
	if old.Take("k.", "bb", start) == nil {
		t.Error("a signature was accepted")
	}
	next.Close()
	next = OpenReplay(dir, "boot-1", c.now)
	defer next.Close()
	if err := next.Take("k.", "aa", start); !errors.Is(err, ErrTime) {
		t.Errorf("a replay is accepted: %v", err)
	}
}
