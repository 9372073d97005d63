package zone

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/asterfed/asterfed/zone/location"
)

// lostSerials is by how much the serial jumps when the last batches may have
// been lost with the machine: more than were ever written between two syncs.
const lostSerials = 1 << 24

// replay reads a whole journal. An error means that a batch in the middle
// cannot be trusted; a torn end is none.
func (j *Journal) replay(raw []byte) error {
	line, rest, ok := bytes.Cut(raw, []byte("\n"))
	fields := strings.Fields(string(line))
	if !ok || len(fields) < 6 || strings.Join(fields[:4], " ") != j.header {
		return fmt.Errorf("line 1: want %q", j.header+" epoch=… boot=…")
	}
	epoch, hasEpoch := strings.CutPrefix(fields[4], "epoch=")
	boot, hasBoot := strings.CutPrefix(fields[5], "boot=")
	if !hasEpoch || !hasBoot {
		return fmt.Errorf("line 1: epoch or boot is missing")
	}
	j.version.Epoch = epoch
	j.fresh = slices.Contains(fields[6:], "fresh") // and nothing follows that is no apex record
	clean := false
	var changes []location.Change
	var node *Node
	batch, first := rest, true
	// bad judges a line that cannot be read: with no batch end behind it, it is
	// the torn end of the file, as a crash of the machine leaves it.
	bad := func(n int, err error) error {
		if !bytes.Contains(rest, []byte("\n= ")) && !bytes.HasPrefix(rest, []byte("= ")) {
			return j.finish(boot, false)
		}
		return fmt.Errorf("line %d: %w", n, err)
	}
	for n := 2; len(rest) > 0; n++ {
		start := rest
		line, rest, ok = bytes.Cut(rest, []byte("\n"))
		if !ok {
			break // torn
		}
		switch {
		case bytes.Equal(line, []byte("! clean")):
			clean, batch = true, rest
			continue
		case bytes.HasPrefix(line, []byte("= ")):
			serial, err := checkBatch(line, batch[:len(batch)-len(start)])
			if err != nil {
				return bad(n, err)
			}
			j.replayed(serial, node, changes, first)
			changes, node, batch, first, clean = nil, nil, rest, false, false
		case bytes.HasPrefix(line, []byte("@ ")):
			name := strings.Fields(j.header)[2]
			x, err := parseNode(name, strings.Fields(string(line[2:])))
			if err != nil {
				return bad(n, err)
			}
			node = &x
		default:
			c, err := parseChange(string(line))
			if errors.Is(err, location.ErrKind) {
				continue // a later version's: its other secondaries keep it
			}
			if err != nil {
				return bad(n, err)
			}
			changes = append(changes, c)
		}
	}
	return j.finish(boot, clean)
}

func (j *Journal) finish(boot string, clean bool) error {
	spoiled := boot != "" && strings.Trim(boot, "-") == ""
	if spoiled || !clean && boot != j.boot {
		j.version = Version{Epoch: NewEpoch(), Serial: j.version.Serial + lostSerials}
		j.deltas = nil
	}
	return nil
}

// replayed takes a batch; the first of a file is a snapshot, not a step.
func (j *Journal) replayed(serial uint32, node *Node, changes []location.Change, snapshot bool) {
	j.fresh = j.fresh && len(changes) == 0
	for _, c := range changes {
		if c.Old.Kind != 0 {
			delete(j.live, journalKey{c.Old.AOR, c.Old.Contact})
		}
		if c.New.Kind != 0 {
			j.live[journalKey{c.New.AOR, c.New.Contact}] = c.New
		}
	}
	if !snapshot {
		j.deltas = append(j.deltas, Delta{From: j.version.Serial, To: serial,
			OldNode: j.node, Node: node, Changes: changes})
	}
	if node != nil {
		j.node = node
	}
	j.version.Serial = serial
}

func checkBatch(line, lines []byte) (uint32, error) {
	f := strings.Fields(string(line))
	if len(f) != 3 {
		return 0, fmt.Errorf("batch end %q: want \"= serial crc32\"", line)
	}
	serial, err := strconv.ParseUint(f[1], 10, 32)
	if err != nil {
		return 0, fmt.Errorf("batch end %q: %w", line, err)
	}
	if sum := fmt.Sprintf("%08x", crc32.ChecksumIEEE(lines)); sum != f[2] {
		return 0, fmt.Errorf("batch of serial %d: checksum is %s, want %s", serial, sum, f[2])
	}
	return uint32(serial), nil
}

func parseChange(line string) (location.Change, error) {
	f := strings.Fields(line)
	if len(f) < 5 || f[0] != "+" && f[0] != "-" {
		return location.Change{}, fmt.Errorf("%q: want \"+ aor kind contact stamp\"", line)
	}
	b, err := parseLine(f[1:])
	if err != nil {
		return location.Change{}, err
	}
	if f[0] == "+" {
		return location.Change{New: b}, nil
	}
	return location.Change{Old: b}, nil
}

// parseLine reads the fields of a binding.
func parseLine(f []string) (b location.Binding, err error) {
	if b.Kind, err = location.ParseKind(f[1]); err != nil {
		return b, err
	}
	contact, err := location.ParseContactID(f[2])
	if err != nil {
		return b, err
	}
	stamp, err := location.ParseStamp(f[3])
	if err != nil {
		return b, err
	}
	if b.Kind.Registered() {
		b.AOR, err = location.ParseAOR(f[0])
	} else {
		b, err = parsePublished(b.Kind, f[0], f[4:])
		contact = b.Contact
	}
	b.Contact, b.Stamp = contact, stamp
	return b, err
}

func parsePublished(k location.Kind, name string, details []string) (location.Binding, error) {
	var d location.Details
	for _, s := range details {
		key, val, _ := strings.Cut(s, "=")
		val, err := url.QueryUnescape(val)
		if err == nil {
			_, err = d.Set(key, val)
		}
		if err != nil {
			return location.Binding{}, fmt.Errorf("%q: %w", s, err)
		}
	}
	return location.Publish(k, name, d)
}

// spoil overwrites the boot id, which takes no space, since batches will be
// missing from the file that peers are told of: whoever reads it without
// Rewrite before begins a new epoch.
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
