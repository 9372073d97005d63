package answer

import (
	"slices"
	"unsafe"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
)

// e164 answers below e164.<origin>: numbers, one digit a label, reversed (RFC
// 6116 §3.2), every prefix of a number as an empty non-terminal, and the blocks
// and wildcards that cover numbers which are not there by themselves.
func (q query) e164(rel string) Result {
	if rel == "" {
		return q.container("e164")
	}
	n := parseNumber(q.room, rel)
	if c := q.v.cutAbove(n.digits); c != nil {
		return q.refer(c, n)
	}
	if r, ok := q.number(n, ""); ok {
		return r
	}
	if full, ok := q.v.dial.full(n.digits); ok && !q.transfer && q.v.cutAbove(full) == nil {
		if r, ok := q.number(number{full, n.rest}, location.AOR("+"+full)); ok {
			return r
		}
	}
	return q.nxdomain()
}

// number answers at a name of the tree, if it exists. Calls that only a block
// covers go on with what was dialled, or with the number in full.
func (q query) number(n number, full location.AOR) (Result, bool) {
	if claims := q.v.dialled(q.room, n, full); len(claims) > 0 {
		return q.called(claims), true
	}
	if n.rest == "" && (q.v.AboveNumber(n.digits) || q.v.cutBelow(n.digits)) {
		return q.nodata(), true
	}
	return Result{}, false
}

// dialled returns the claims that a name of the tree is answered with: those
// of the number itself, or else of what covers it.
func (v *Zone) dialled(s *scratch, n number, full location.AOR) []view.Claim {
	if n.rest == "" {
		if claims := v.numbered(s, n.digits); len(claims) > 0 {
			return claims
		}
	}
	return addressed(v.covering(s, n), full)
}

// number is a name below e164: the digits nearest to the root of the tree,
// and what is left of labels that are not digits, or too many.
type number struct{ digits, rest string }

const maxDigits = 32

func parseNumber(s *scratch, rel string) number {
	b := s.bytes(maxDigits)
	end := len(rel)
	for i := end - 1; i >= 0 && len(b) < maxDigits; i -= 2 {
		c := rel[i]
		if !digit(c) || i > 0 && rel[i-1] != '.' {
			break
		}
		b = append(b, c)
		end = max(0, i-1)
	}
	return number{unsafe.String(unsafe.SliceData(b), len(b)), rel[:end]}
}

// stands reports whether the digits are a node of the ENUM tree.
func (v *Zone) stands(digits string) bool {
	return v.AboveNumber(digits) || v.cutBelow(digits) || len(v.numbered(nil, digits)) > 0
}

// covering returns the claims that answer for a name which has none of its
// own: those of the wildcard at its closest encloser (RFC 4592 §3.3.1), or
// else of the longest block that covers it, nil if there is neither. A block,
// which no exact name interrupts, is to a secondary a wildcard at every node
// beneath it.
func (v *Zone) covering(s *scratch, n number) []view.Claim {
	if v.Lengths().Cover.None() {
		return nil
	}
	if head, label := record.CutLast(n.rest); label == "*" && head != "" && v.wild(n.digits) {
		return nil // what is below a wildcard's own name it does not cover (RFC 4592 §4.2)
	}
	key := s.join(view.CoverSign, n.digits)
	for k := len(n.digits); k >= 0; k-- {
		if !v.Lengths().Cover.Has(k) {
			continue
		}
		all := view.Visible(v.Keyed(view.Key(key[:len(view.CoverSign)+k])))
		if wild := filter(all, isWildcard); len(wild) > 0 && !v.enclosed(n, k) {
			return wild
		}
		itself := k == len(n.digits) && n.rest == ""
		if blocks := filter(all, func(b location.Binding) bool { return !isWildcard(b) && !(itself && below(b, k)) }); len(blocks) > 0 {
			return blocks
		}
	}
	return nil
}

// wild reports whether a secondary has a wildcard right below the digits.
func (v *Zone) wild(digits string) bool {
	return (digits == "" || v.stands(digits)) && len(v.covering(nil, number{digits, "*"})) > 0
}

// enclosed reports whether a node stands between the first k digits and the
// name, or at the name itself, so that a wildcard at k does not reach it.
func (v *Zone) enclosed(n number, k int) bool {
	if k == len(n.digits) {
		return n.rest == ""
	}
	return v.stands(n.digits[:k+1])
}

func isWildcard(b location.Binding) bool { return b.Kind == location.Wildcard }

// filter returns the claims whose bindings fit: the same slice if all do.
func filter(claims []view.Claim, fits func(location.Binding) bool) []view.Claim {
	if !slices.ContainsFunc(claims, func(c view.Claim) bool { return fits(c.Binding) }) {
		return nil
	}
	for i := range claims {
		if !fits(claims[i].Binding) {
			return slices.DeleteFunc(slices.Clone(claims), func(c view.Claim) bool { return !fits(c.Binding) })
		}
	}
	return claims
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// numbered returns the visible claims of exactly these digits, as AOR with
// and without "+" or published as a number, newest first.
func (v *Zone) numbered(s *scratch, digits string) []view.Claim {
	var out []view.Claim
	if n := len(digits); v.Lengths().Plain.Has(n) {
		out = v.claims(digits)
		if v.Lengths().Plus.Has(n) {
			out = v.Merge(out, v.claims(s.join("+", digits)))
		}
	} else if v.Lengths().Plus.Has(n) {
		out = v.claims(s.join("+", digits))
	}
	if v.Lengths().Published.Has(len(digits)) {
		out = v.Merge(out, view.Visible(v.Keyed(view.Key(s.join(view.NumberSign, digits)))))
	}
	return out
}

// below reports whether the binding, which covers block, leaves out block
// itself: a number shorter than those of its range.
func below(b location.Binding, block int) bool {
	return b.Kind == location.Wildcard || b.Kind == location.Range && block < len(b.AOR)
}
