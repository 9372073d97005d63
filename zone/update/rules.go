package update

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/asterfed/asterfed/zone/location"
)

// Rule permits a key to publish and withdraw bindings of some kinds with some
// names. None means all.
type Rule struct {
	Kinds []location.Kind
	Names []Pattern
}

// Rules are what one key may do: what any of them permits.
type Rules []Rule

func (r Rules) permit(b location.Binding) bool {
	return slices.ContainsFunc(r, func(x Rule) bool { return x.permit(b) })
}

func (r Rule) permit(b location.Binding) bool {
	return (len(r.Kinds) == 0 || slices.Contains(r.Kinds, b.Kind)) &&
		(len(r.Names) == 0 || slices.ContainsFunc(r.Names, func(p Pattern) bool { return p.matches(b) }))
}

// Pattern stands for names: "1*", "alice", "+97231*", or numbers from one to
// another, "97231234000-97231234999". A leading "+" of numbers does not count.
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

// matches reports whether the pattern takes in all that the binding stands
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

// within reports whether a number lies in the interval, or begins with one
// that does.
func (p Pattern) within(digits string) bool {
	n := len(p.lo)
	return n > 0 && len(digits) >= n && p.lo <= digits[:n] && digits[:n] <= p.hi
}

// covers reports whether all numbers from first to last, and all that begin
// with them, belong to the pattern. Of globs only "*" and "DIGITS*" can say.
func (p Pattern) covers(first, last string) bool {
	if p.lo != "" {
		return p.within(first) && p.within(last)
	}
	head, ok := strings.CutSuffix(strings.TrimPrefix(p.glob, "+"), "*")
	return ok && strings.HasPrefix(first, head) && strings.HasPrefix(last, head)
}
