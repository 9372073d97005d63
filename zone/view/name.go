package view

import (
	"slices"
	"strings"
	"unsafe"

	"github.com/asterfed/asterfed/zone/location"
)

// Claim is one binding and the home that publishes it.
type Claim struct {
	Home    *Home
	Binding location.Binding
}

// name is all that is bound to one folded AOR, newest claim first, at least
// one. It is immutable. Nearly every name has a single claim, which stands in
// it, with the text of its AOR right behind: one object for each user, so that
// who compares a key waits for memory once.
type name struct {
	one  [1]Claim
	more *[]Claim // all of them, if there are several
}

// newName returns a name with a copy of claims and of the text of their AORs,
// so that it keeps nothing else in memory; nil if there are none.
func newName(claims []Claim) *name {
	switch len(claims) {
	case 0:
		return nil
	case 1:
		return singleName(claims[0])
	}
	more := slices.Clone(claims)
	text := strings.Clone(string(more[0].Binding.AOR))
	for i := range more {
		if a := string(more[i].Binding.AOR); a != text {
			text = strings.Clone(a)
		}
		more[i].Binding.AOR = location.AOR(text)
	}
	return &name{more: &more}
}

// The sizes of an object that holds a name and the text of its AOR.
type (
	name16 struct {
		name
		text [16]byte
	}
	name32 struct {
		name
		text [32]byte
	}
)

func singleName(c Claim) *name {
	a := string(c.Binding.AOR)
	var n *name
	var text []byte
	switch {
	case len(a) <= 16:
		x := new(name16)
		n, text = &x.name, x.text[:]
	case len(a) <= 32:
		x := new(name32)
		n, text = &x.name, x.text[:]
	default:
		n, text = new(name), make([]byte, len(a))
	}
	copy(text, a)
	c.Binding.AOR = location.AOR(unsafe.String(&text[0], len(a))) // text is never written again
	n.one[0] = c
	return n
}

// claims are shared and must not be modified.
func (n *name) claims() []Claim {
	switch {
	case n == nil:
		return nil
	case n.more != nil:
		return *n.more
	}
	return n.one[:]
}

func (n *name) aor() location.AOR { return n.claims()[0].Binding.AOR }

func newNames() *table[name] {
	return newTable(
		func(n *name) string { return n.aor().Fold() },
		func(n *name, key string) bool {
			a := string(n.aor())
			return a == key || len(a) == len(key) && strings.ToLower(a) == key
		})
}
