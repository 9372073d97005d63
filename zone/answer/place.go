package answer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/asterfed/asterfed/zone/view"
)

// place is where a claim stands among those of its name, the lowest first.
type place uint64

// Criterion is one thing that places are made of.
type Criterion string

// The criteria.
const (
	Cost     Criterion = "cost"     // the lowest first
	Health   Criterion = "health"   // a node that drains, or whose asterfed is silent, behind the others
	Distance Criterion = "distance" // the nearest first, in bands
)

// DefaultSelection is how ways out are ranked unless Config says otherwise.
var DefaultSelection = []Criterion{Cost, Health, Distance}

// users is how all else is ranked.
var users = DefaultSelection

// CheckSelection reports what is wrong with the criteria for ways out.
func CheckSelection(list []Criterion) error {
	var words []string
	for i, c := range list {
		if !slices.Contains(DefaultSelection, c) {
			return fmt.Errorf("criterion %q: want cost, health and distance in the order that counts", c)
		}
		if slices.Contains(list[:i], c) {
			return fmt.Errorf("criterion %q is there twice", c)
		}
		words = append(words, string(c))
	}
	if len(list) != len(DefaultSelection) {
		return fmt.Errorf("criteria %q: want all of cost, health and distance, in the order that counts", strings.Join(words, " "))
	}
	return nil
}

// ranking makes places of claims.
type ranking struct {
	v        *Zone
	criteria []Criterion
	near     bool // distance counts
	even     bool // equals take turns
}

// ranking returns how the claims of one name are ranked.
func (v *Zone) ranking(claims []view.Claim) ranking {
	switch {
	case len(claims) > 0 && isRoute(claims[0]):
		return ranking{v: v, criteria: v.selection, near: true, even: true}
	case len(claims) > 0 && slices.ContainsFunc(claims, isQueue):
		return ranking{v: v, criteria: DefaultSelection, near: true, even: true}
	case len(claims) > 0 && claims[0].Binding.Kind.Live():
		return ranking{v: v}
	}
	return ranking{v: v, criteria: users, near: v.order == Nearest, even: v.order == All}
}

// behind reports whether the claim's home ranks behind others: it is draining,
// or its asterfed is silent. The latter does not put a registration behind an
// older one, which the phone has left (docs/decisions/141).
func (r ranking) behind(c view.Claim) bool {
	byTime := !r.near && !r.even && c.Binding.Stamp != 0
	return c.Home.Draining() || !byTime && c.Home.Reach() == view.Orphan
}

// decisive returns the criterion that sets two places apart, "" for none.
func (r ranking) decisive(a, b ranked) Criterion {
	for _, k := range r.criteria {
		switch {
		case k == Cost && a.cost != b.cost,
			k == Health && a.behind != b.behind,
			k == Distance && r.near && r.v.Band(a.home) != r.v.Band(b.home):
			return k
		}
	}
	return ""
}

// place puts what counts most into the upper bits.
func (r ranking) place(c view.Claim) (p place) {
	for _, k := range r.criteria {
		switch k {
		case Cost:
			p = p<<16 | place(c.Binding.Info.Details().Cost)
		case Health:
			p <<= 1
			if r.behind(c) {
				p |= 1
			}
		case Distance:
			p <<= 17
			if r.near {
				p |= place(r.v.Band(c.Home))
			}
		}
	}
	return p
}

// Order is the policy that ranks the homes of a user who has several.
type Order string

// The policies.
const (
	Newest  Order = "newest"  // latest registration first
	Nearest Order = "nearest" // nearest home first, then latest
	All     Order = "all"     // equal preference, rotated
)
