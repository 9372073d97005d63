package view

import (
	"strings"
	"unsafe"
)

// Ahead touches what the queries of a batch will be answered from, all together:
// a reader that looks one user up after the other waits for memory at each. It
// is for one goroutine.
type Ahead struct {
	view    *View
	n       int
	buckets [aheadWidth]*bucket[name]
	tags    [aheadWidth]uint8
	sum     uint8 // keeps the reads from being left out
}

const aheadWidth = 64

// NewAhead returns one for a view.
func (v *View) NewAhead() *Ahead { return &Ahead{view: v} }

// Note takes a question into account, if it is for a user's own name.
func (a *Ahead) Note(qname string) {
	if a.n == aheadWidth {
		return
	}
	rel, ok := strings.CutSuffix(qname, a.view.origin)
	if !ok {
		return
	}
	aor, ok := strings.CutSuffix(rel, ".users.")
	if !ok {
		return
	}
	s, h := a.view.names.shard(aor)
	bs := s.buckets.Load()
	if bs == nil {
		return
	}
	a.buckets[a.n], a.tags[a.n] = &(*bs)[h&uint64(len(*bs)-1)], tag(h)
	a.n++
}

// Touch reads what was noted, and forgets it. The reads of each pass do not wait
// for one another.
func (a *Ahead) Touch() {
	sum := a.sum
	for _, b := range a.buckets[:a.n] {
		if b.at[0].Load() != nil {
			sum++
		}
	}
	for i, b := range a.buckets[:a.n] {
		for j := range b.at {
			e := b.at[j].Load()
			if e == nil {
				break
			}
			if b.tags[j] == a.tags[i] {
				p := unsafe.Pointer(e)
				sum += *(*uint8)(p) + *(*uint8)(unsafe.Add(p, unsafe.Sizeof(*e)-1))
				break
			}
		}
	}
	clear(a.buckets[:a.n]) // a table that has grown is not kept
	a.n, a.sum = 0, sum
}
