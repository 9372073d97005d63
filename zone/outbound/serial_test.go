package outbound

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
)

// TestSerialNeverGoesBack: over clean stops and crashes, and whatever the clock
// does, each serial is newer than all before (RFC 1982).
func TestSerialNeverGoesBack(t *testing.T) {
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 3))
		dir, now := t.TempDir(), time.Unix(int64(r.Uint32()), 0)
		var last uint32
		boot := "boot"
		for life := range 10 {
			if r.IntN(2) == 0 { // the machine has crashed, and what was not synced is gone
				boot = fmt.Sprint("boot-", life)
				os.Remove(filepath.Join(dir, lastFile))
			}
			s, err := openSerials(dir, boot, func() time.Time { return now })
			if err != nil {
				t.Fatal(err)
			}
			if life > 0 && !record.Newer(s.last, last) {
				t.Fatalf("seed %d: a start goes on with %d, %d was given out", seed, s.last, last)
			}
			last = s.last
			for range r.IntN(150) {
				now = now.Add(time.Duration(r.IntN(5)-1) * time.Second)
				if r.IntN(50) == 0 {
					now = now.Add(time.Duration(r.IntN(200)-100) * time.Hour)
				}
				n, err := s.next()
				if err != nil || !record.Newer(n, last) || n == 0 {
					t.Fatalf("seed %d: %d after %d: %v", seed, n, last, err)
				}
				last = n
			}
			if r.IntN(2) == 0 {
				if err := s.close(); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// A process that is killed costs no serial: after any number of kills the serial
// is that of the clock, so that a node that then loses its directory goes on above
// what its secondaries have.
func TestKillsDoNotRunAhead(t *testing.T) {
	dir, now := t.TempDir(), time.Unix(1_800_000_000, 0)
	var last uint32
	for range 5 {
		now = now.Add(time.Second) // a start takes longer
		s, err := openSerials(dir, "boot", func() time.Time { return now })
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			now = now.Add(time.Second)
			if last, err = s.next(); err != nil {
				t.Fatal(err)
			}
		}
		if ahead := int64(last) - now.Unix(); ahead > 0 {
			t.Errorf("serial %d is %d s ahead of the clock", last, ahead)
		}
	}
	now = now.Add(time.Second)
	s, err := openSerials(t.TempDir(), "boot", func() time.Time { return now })
	if err != nil || !record.Newer(s.last, last) {
		t.Errorf("without its data it begins with %d, secondaries have %d (%v)", s.last, last, err)
	}
	// A crash of the machine costs what was set aside, a minute at most.
	s, err = openSerials(dir, "another", func() time.Time { return now })
	if ahead := int64(s.last) - now.Unix(); err != nil || ahead < 0 || ahead > serialsAhead+1 {
		t.Errorf("after a crash of the machine the serial is %d s ahead (%v)", ahead, err)
	}
}

// A file that cannot be read, or a disk that takes nothing, is told and costs
// nobody his answers.
func TestSerialWithoutDisk(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	dir := t.TempDir()
	file := filepath.Join(dir, serialFile)
	if err := os.WriteFile(file, []byte("nonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := openSerials(dir, "boot", func() time.Time { return now })
	if err == nil || s.last != 1_800_000_000 {
		t.Errorf("nonsense in the file: serial %d, error %v", s.last, err)
	}
	if s, err = openSerials(dir, "boot", func() time.Time { return now }); err != nil || s.last != 1_800_000_001 {
		t.Errorf("afterwards: serial %d, error %v", s.last, err)
	}
	s, err = openSerials(filepath.Join(dir, "absent"), "boot", func() time.Time { return now })
	if err == nil {
		t.Error("no error without a directory")
	}
	if n, err := s.next(); err == nil || n != 1_800_000_001 {
		t.Errorf("next is %d, error %v", n, err)
	}
}

// TestRestart: a secondary that follows a node over its restarts, with the clock
// set back in between, holds the zone at the end.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, 5, answer.Newest, dir)
	var soa = w.v.SOA(0)
	c := copyOf{}
	for range 10 {
		for range 5 {
			w.happen()
			w.z.step()
		}
		before := soa.Serial
		_, c, soa = c.pull(t, w.z, soa)
		if before != 0 && !record.Newer(soa.Serial, before) {
			t.Fatalf("serial %d after %d", soa.Serial, before)
		}
		w.now = w.now.Add(time.Duration(w.IntN(100)-80) * time.Minute)
		w.held = nil
		w.open(answer.Newest, dir)
		w.held = map[string][]location.Binding{}
		if kind, _, _ := c.pull(t, w.z, soa); kind != Full {
			t.Fatalf("after a restart the answer is %s", kind)
		}
	}
}
