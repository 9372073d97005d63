package primary

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/asterfed/asterfed/zone/location"
)

// disk takes so many writes, and then has no room.
type disk struct {
	bytes.Buffer
	writes, room int
}

var errRoom = errors.New("no room")

func (d *disk) Write(b []byte) (int, error) {
	if d.writes == d.room {
		n, _ := d.Buffer.Write(b[:len(b)/2])
		return n, errRoom
	}
	d.writes++
	return d.Buffer.Write(b)
}

func journalled(to *disk, lines int) (b blocks, text string, err error) {
	b = blocks{to: to}
	for i := range lines {
		line := fmt.Sprintf("+ user-%d pjsip 00000000000000ff 0000000000000010\n", i)
		text += line
		b.buf = append(b.buf, line...)
		b.next()
	}
	err = b.end(7)
	return b, text, err
}

// A batch reads as what was written, in one piece or in several, in the memory
// of a block.
func TestBatchInBlocks(t *testing.T) {
	for lines, writes := range map[int]int{0: 1, 1: 1, 1000: 1, 4000: 4} {
		to := &disk{room: 100}
		b, text, err := journalled(to, lines)
		got, end, behind, ok := cutBatch(to.String())
		if err != nil || got != text || behind != "" || !ok {
			t.Fatalf("%d lines became %d octets, end %q, %v: %v", lines, len(got), end, ok, err)
		}
		if serial, err := checkBatch(end, got); serial != 7 || err != nil {
			t.Errorf("%d lines end in %q: serial %d, %v", lines, end, serial, err)
		}
		if to.writes != writes || cap(b.buf) > 2*blockSize || b.size != int64(to.Len()) {
			t.Errorf("%d lines took %d writes, room for %d octets, and %d of %d octets", lines, to.writes, cap(b.buf), b.size, to.Len())
		}
	}
}

// Behind a block that did not fit nothing is written.
func TestBatchOnAFullDisk(t *testing.T) {
	to := &disk{room: 1}
	_, text, err := journalled(to, 4000)
	if !errors.Is(err, errRoom) || to.Len() >= 2*blockSize || !strings.HasPrefix(text, to.String()) {
		t.Errorf("%d octets written: %v", to.Len(), err)
	}
}

// A long listing is one batch of the journal, and all of it is read again.
func TestLongBatch(t *testing.T) {
	dir := t.TempDir()
	p, _, _ := openPrimary(t, dir)
	list := make([]location.Contact, 12_000)
	for i := range list {
		list[i] = location.Contact{AOR: location.AOR(scaleUser(i)), Kind: location.PJSIP, URI: "sip:x"}
	}
	if n, err := p.Update(func(s *location.Store) []location.Change { return s.Sweep(location.PJSIP, location.List(list...)) }); n != len(list) || err != nil {
		t.Fatalf("%d changes: %v", n, err)
	}
	before := p.Version()
	p, _, aside := openPrimary(t, dir)
	if p.Version() != before || p.store.Len() != len(list) || aside != nil {
		t.Errorf("version %v, want %v, %d bindings, set aside %v", p.Version(), before, p.store.Len(), aside)
	}
}
