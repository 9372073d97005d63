package update

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
)

// Rule permits a key to publish and withdraw bindings of some kinds with some
// names. None means all.
type Rule struct {
	Kinds []location.Kind
	Names []Pattern
	// Since lets the key say since when a binding is there, by t=. A binding of
	// a key without it is there since its update came.
	Since bool
	// Quota bounds the bindings that the key has at a time, whatever rule permits
	// them; of several rules the highest counts. Zero is 10,000.
	Quota int
}

// defaultQuota is the quota of a key whose rules have none.
const defaultQuota = 10_000

// maxPerName bounds what updates leave at a name, registrations included: an RRset
// of the zone has no more records, and each costs all those that it is ranked with.
const maxPerName = record.MaxRRset

// Rules are the rights of one key: it may do what any of them permits.
type Rules []Rule

func (r Rules) permit(b location.Binding) bool {
	return slices.ContainsFunc(r, func(x Rule) bool { return x.permit(b) })
}

// Own reports whether the key may change a binding that is published: a
// registration and what a source keeps up to date are not an update's to change.
func (r Rules) Own(b location.Binding) bool {
	return !b.Kind.Registered() && b.Info.Details().By == "" && r.permit(b)
}

// since reports whether the key may say since when b is there.
func (r Rules) since(b location.Binding) bool {
	return slices.ContainsFunc(r, func(x Rule) bool { return x.Since && x.permit(b) })
}

func (r Rules) quota() int {
	most := 0
	for _, x := range r {
		most = max(most, x.Quota)
	}
	return cmp.Or(most, defaultQuota)
}

func (r Rule) permit(b location.Binding) bool {
	return (len(r.Kinds) == 0 || slices.Contains(r.Kinds, b.Kind)) &&
		(len(r.Names) == 0 || slices.ContainsFunc(r.Names, func(p Pattern) bool { return p.matches(b) }))
}

// Pattern stands for names: "1*", "alice", "+97231*", or the numbers from one to
// another, "97231234000-97231234999", and no longer ones: a block of a thousand
// numbers permits a thousand names. A leading "+" of numbers does not count.
type Pattern struct {
	glob   string // path.Match, lower-case
	lo, hi string // as many digits; empty for a glob
}

var interval = regexp.MustCompile(`^\+?([0-9]{1,32})-\+?([0-9]{1,32})$`)

// ParsePattern reads a pattern.
func ParsePattern(s string) (Pattern, error) {
	if m := interval.FindStringSubmatch(s); m != nil {
		if len(m[1]) != len(m[2]) || m[1] > m[2] {
			return Pattern{}, fmt.Errorf("names %q: want two numbers of as many digits, the lower first", s)
		}
		return Pattern{lo: m[1], hi: m[2]}, nil
	}
	if _, err := path.Match(s, "x"); err != nil || s == "" {
		return Pattern{}, fmt.Errorf("names %q: want a pattern such as 1* or [0-9]*, or FIRST-LAST", s)
	}
	return Pattern{glob: strings.ToLower(s)}, nil
}

// matches reports whether the pattern includes every name that the binding stands
// for.
func (p Pattern) matches(b location.Binding) bool {
	digits, number := b.AOR.Number()
	switch {
	case b.Kind == location.Prefix || b.Kind == location.Range || b.Kind == location.Wildcard:
		first := b.Digits()
		return p.covers(first, cmp.Or(b.Info.Details().To, first))
	case number && (b.Kind.Named() || b.Kind == location.Number):
		return p.within(digits) || p.glob != "" && glob(strings.TrimPrefix(p.glob, "+"), digits)
	}
	return p.glob != "" && glob(p.glob, b.AOR.Fold())
}

func glob(pattern, s string) bool {
	ok, _ := path.Match(pattern, s)
	return ok
}

// within reports whether a number lies in the interval.
func (p Pattern) within(digits string) bool {
	n := len(p.lo)
	return n > 0 && len(digits) == n && p.lo <= digits && digits <= p.hi
}

// covers reports whether all numbers from first to last belong to the pattern,
// and of a glob all that begin with them too: only "*" and "DIGITS*" can say.
func (p Pattern) covers(first, last string) bool {
	if p.lo != "" {
		return p.within(first) && p.within(last)
	}
	head, ok := strings.CutSuffix(strings.TrimPrefix(p.glob, "+"), "*")
	return ok && strings.HasPrefix(first, head) && strings.HasPrefix(last, head)
}
