package answer

import (
	"slices"
	"strings"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
)

// Dial says how numbers are dialled that are not written in full. The zero
// value knows no other way.
type Dial struct {
	Country       string // "972"
	National      string // before a number within the country: "0"
	International string // before a number in full: "00"
}

// full returns the number in full for what was dialled.
func (d Dial) full(digits string) (string, bool) {
	if n, ok := strings.CutPrefix(digits, d.International); ok && d.International != "" && n != "" {
		return n, true
	}
	if n, ok := strings.CutPrefix(digits, d.National); ok && d.National != "" && n != "" {
		return d.Country + n, true
	}
	return "", false
}

// addressed returns claims that go on with a number where they would go on with
// what was dialled; "" changes nothing.
func addressed(claims []view.Claim, a location.AOR) []view.Claim {
	if a == "" {
		return claims
	}
	claims = slices.Clone(claims)
	for i, c := range claims {
		if d := c.Binding.Info.Details(); d.Target == "" && d.Of == "" {
			d.Target = a
			claims[i].Binding.Info = location.NewInfo(d)
		}
	}
	return claims
}

// isn answers below isn.<origin>: what ENUMLOOKUP asks for 1234*256, a number
// of the subscriber 1234 of the organisation 256 (freenum.org's ITAD numbers,
// RFC 3219 §5). Only this federation's own number is there.
func (q query) isn(rel string) Result {
	if q.v.itad == "" {
		return q.nxdomain()
	}
	if rel == "" {
		return q.container("isn")
	}
	rel, itad := record.CutLast(rel)
	switch {
	case itad != q.v.itad:
		return q.nxdomain()
	case rel == "":
		return q.container(itad)
	}
	return q.e164(rel)
}
