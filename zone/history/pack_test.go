package history

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/view"
)

// second is what a node may learn in a second.
func second(n int) (out []entry) {
	for i := range n {
		b := location.Binding{AOR: location.AOR(fmt.Sprint(1000 + i)), Kind: location.PJSIP,
			Contact: location.ContactID(i * 7919), Stamp: location.Stamp(i) << 16}
		out = append(out, entry{at: time.UnixMilli(int64(1e12 + i)), key: view.UserKey(string(b.AOR)), now: []view.Claimed{{Home: "pbx-a", Binding: b}}})
	}
	return out
}

// A packer that has packed before makes the same chunk as a new one.
func TestPackerIsUsedAgain(t *testing.T) {
	var p packer
	list := second(100)
	for _, part := range [][]entry{list[40:], list[:3], list} {
		got, err := p.pack(part)
		want, err2 := new(packer).pack(part)
		if err != nil || err2 != nil || !bytes.Equal(got, want) {
			t.Fatalf("%d records became %d octets, with a new packer %d: %v, %v", len(part), len(got), len(want), err, err2)
		}
	}
}

// BenchmarkPack packs the changes of a second, 100 of them.
func BenchmarkPack(b *testing.B) {
	list := second(100)
	var p packer
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.pack(list); err != nil {
			b.Fatal(err)
		}
	}
}
