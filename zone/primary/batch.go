package primary

import (
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
)

// cutBatch splits off the first batch: its lines, its end without the newline,
// and what is behind it.
func cutBatch(text string) (lines, end, behind string, ok bool) {
	at := 0
	if !strings.HasPrefix(text, "= ") {
		if at = strings.Index(text, "\n= ") + 1; at == 0 {
			return "", "", "", false
		}
	}
	end, behind, ok = strings.Cut(text[at:], "\n")
	return text[:at], end, behind, ok
}

// batch is what the lines of a batch say. The first of a file is a snapshot:
// it has bindings in place of changes, unless something was withdrawn in it.
type batch struct {
	serial  uint32
	node    *record.Node
	kept    []location.Binding
	changes []location.Change
}

// parseBatch reads a batch and returns how many lines it has; with an error,
// at which of them, the end being the last.
func (j *Journal) parseBatch(lines, end string, snapshot bool) (b batch, n int, err error) {
	if b.serial, err = checkBatch(end, lines); err != nil {
		return b, strings.Count(lines, "\n"), err
	}
	if snapshot {
		if kept, node, ok := j.parseSnapshot(lines); ok {
			b.kept, b.node = kept, node
			return b, strings.Count(lines, "\n"), nil
		}
	}
	for line := range strings.Lines(lines) {
		line = strings.TrimSuffix(line, "\n")
		if apex, ok := strings.CutPrefix(line, "@ "); ok {
			if b.node, err = j.parseApex(apex); err != nil {
				return b, n, err
			}
		} else if c, err := record.ParseChange(line); err == nil {
			b.changes = append(b.changes, c)
		} else if errors.Is(err, record.ErrLine) {
			return b, n, err
		} else if !errors.Is(err, location.ErrKind) && line[0] == '+' { // not a later version's, which its other secondaries keep
			j.leaveOut(err)
		}
		n++
	}
	return b, n, nil
}

func (j *Journal) parseApex(text string) (*record.Node, error) {
	n, ok, err := record.ParseNode(strings.Fields(j.header)[2], strings.Fields(strings.Clone(text)))
	if ok {
		return &n, nil // without what must not be published
	}
	return nil, err
}

func checkBatch(line, lines string) (uint32, error) {
	f := strings.Fields(line)
	if len(f) != 3 {
		return 0, fmt.Errorf("batch end %q: want \"= serial crc32\"", line)
	}
	serial, err := strconv.ParseUint(f[1], 10, 32)
	if err != nil {
		return 0, fmt.Errorf("batch end %q: %w", line, err)
	}
	if sum := fmt.Sprintf("%08x", checksum(lines)); sum != f[2] {
		return 0, fmt.Errorf("batch of serial %d: checksum is %s, want %s", serial, sum, f[2])
	}
	return uint32(serial), nil
}

// checksum is crc32.ChecksumIEEE of a string.
func checksum(s string) (sum uint32) {
	var b [1 << 16]byte
	for len(s) > 0 {
		n := copy(b[:], s)
		sum, s = crc32.Update(sum, crc32.IEEETable, b[:n]), s[n:]
	}
	return sum
}

func appendNode(b []byte, n *record.Node) []byte {
	return fmt.Appendf(b, "@ %s\n", strings.Join(n.Strings(), " "))
}

func appendEnd(b []byte, serial, sum uint32) []byte {
	return fmt.Appendf(b, "= %d %08x\n", serial, sum)
}
