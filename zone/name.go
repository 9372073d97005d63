package zone

import (
	"slices"
	"strings"

	"github.com/asterfed/asterfed/zone/location"
)

// claim is one binding and the home that publishes it.
type claim struct {
	home *Home
	b    location.Binding
}

// name is all that is bound to one folded AOR, newest claim first, at least
// one. It is immutable. Nearly every name has a single claim, which stands in
// it: one object for each user.
type name struct {
	one  [1]claim
	more *[]claim // all of them, if there are several
}

// newName returns a name with a copy of claims, nil if there are none.
func newName(claims []claim) *name {
	switch len(claims) {
	case 0:
		return nil
	case 1:
		return &name{one: [1]claim{claims[0]}}
	}
	more := slices.Clone(claims)
	return &name{more: &more}
}

// claims are shared and must not be modified.
func (n *name) claims() []claim {
	switch {
	case n == nil:
		return nil
	case n.more != nil:
		return *n.more
	}
	return n.one[:]
}

func (n *name) aor() location.AOR { return n.claims()[0].b.AOR }

func newNames() *table[name] {
	return newTable(
		func(n *name) string { return n.aor().Fold() },
		func(n *name, key string) bool {
			a := string(n.aor())
			return a == key || len(a) == len(key) && strings.ToLower(a) == key
		})
}
