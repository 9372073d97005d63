package primary

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
)

// lostSerials is by how much the serial jumps when the last batches may have
// been lost with the machine: more than were ever written between two syncs.
const lostSerials = 1 << 24

// replay reads a whole journal. It reports whether the file can be gone on
// with behind its first j.size octets. An error means that a batch in the
// middle cannot be trusted; a torn end is none.
func (j *Journal) replay(raw string) (whole bool, err error) {
	line, rest, ok := strings.Cut(raw, "\n")
	fields := strings.Fields(line)
	if !ok || len(fields) < 6 || strings.Join(fields[:4], " ") != j.header {
		return false, fmt.Errorf("line 1: want %q", j.header+" epoch=… boot=…")
	}
	epoch, hasEpoch := strings.CutPrefix(fields[4], "epoch=")
	boot, hasBoot := strings.CutPrefix(fields[5], "boot=")
	if !hasEpoch || !hasBoot {
		return false, fmt.Errorf("line 1: epoch or boot is missing")
	}
	j.version.Epoch = strings.Clone(epoch)         // as all that stays
	j.fresh = slices.Contains(fields[6:], "fresh") // and nothing follows that is no apex record
	clean, first, n := false, true, 2
	j.size = int64(len(raw) - len(rest))
	for len(rest) > 0 {
		if after, ok := strings.CutPrefix(rest, cleanLine); ok {
			clean, rest, n = true, after, n+1
			continue
		}
		lines, end, behind, ok := cutBatch(rest)
		if !ok {
			break // torn
		}
		batch, count, err := j.parseBatch(lines, end, first)
		if err != nil {
			if _, _, _, more := cutBatch(behind); more {
				return false, fmt.Errorf("line %d: %w", n+count, err)
			}
			break // torn too, as a crash of the machine leaves it
		}
		j.replayed(batch, first)
		n, j.lines = n+count+1, j.lines+count
		rest, first, clean = behind, false, false
		j.size = int64(len(raw) - len(rest))
	}
	j.settle()
	return j.finish(boot, clean && len(rest) == 0) && !first, nil
}

const cleanLine = "! clean\n"

// finish begins a new epoch if batches may be missing, and reports whether
// none are.
func (j *Journal) finish(boot string, clean bool) (whole bool) {
	spoiled := boot != "" && strings.Trim(boot, "-") == ""
	if spoiled || !clean && boot != j.boot {
		j.version = record.Version{Epoch: record.NewEpoch(), Serial: j.version.Serial + lostSerials}
		j.deltas = nil
		return false
	}
	return len(boot) == len(j.boot)
}

// replayed takes a batch; the first of a file is a snapshot, not a step.
func (j *Journal) replayed(b batch, snapshot bool) {
	j.fresh = j.fresh && len(b.changes)+len(b.kept) == 0
	j.kept = append(j.kept, b.kept...)
	for _, c := range b.changes {
		if j.late == nil {
			j.late = map[journalKey]location.Binding{}
		}
		if c.Old.Kind != 0 {
			j.late[journalKey{c.Old.AOR, c.Old.Contact}] = location.Binding{}
		}
		if c.New.Kind != 0 {
			j.late[journalKey{c.New.AOR, c.New.Contact}] = c.New
		}
	}
	if !snapshot {
		j.deltas = append(j.deltas, record.Delta{From: j.version.Serial, To: b.serial,
			OldNode: j.node, Node: b.node, Changes: b.changes})
	}
	if b.node != nil {
		j.node = b.node
	}
	j.version.Serial = b.serial
}

// settle makes what later batches say a part of what is kept.
func (j *Journal) settle() {
	if len(j.late) == 0 {
		return
	}
	j.kept = slices.DeleteFunc(j.kept, func(b location.Binding) bool {
		_, changed := j.late[journalKey{b.AOR, b.Contact}]
		return changed
	})
	for _, b := range j.late {
		if b.Kind != 0 {
			j.kept = append(j.kept, b)
		}
	}
	j.late = nil
}

// leaveOut notes a binding that an earlier version has kept and that must not be
// published.
func (j *Journal) leaveOut(err error) {
	if j.left++; j.firstLeft == nil {
		j.firstLeft = err
	}
}

// spoil overwrites the boot id, which takes no space on a full disk. Peers know
// batches that the file will lack, so the next start, unless the file has been
// rewritten by then, must begin a new epoch.
func (j *Journal) spoil() {
	f, err := os.OpenFile(j.path, os.O_RDWR, 0)
	if err != nil {
		return // there is none: the next start is a first one
	}
	defer f.Close()
	head := make([]byte, 512)
	n, _ := f.ReadAt(head, 0)
	line, _, _ := bytes.Cut(head[:n], []byte("\n"))
	if before, boot, ok := bytes.Cut(line, []byte(" boot=")); ok {
		boot, _, _ = bytes.Cut(boot, []byte(" "))
		f.WriteAt(bytes.Repeat([]byte{'-'}, len(boot)), int64(len(before)+len(" boot=")))
	}
}
