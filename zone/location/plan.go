package location

import (
	"fmt"
	"strings"
)

// PlanSource is the By of the numbers that a plan makes.
const PlanSource = "plan"

// Rule turns AORs into E.164 numbers and back, digit by digit: with "1xxx" and
// "+97231231xxx", 1001 is +97231231001. Every x stands for one digit, those of
// the AOR in the same order as those of the number.
type Rule struct {
	aor, number string
}

// ParseRule reads the two patterns of a rule.
func ParseRule(aor, number string) (Rule, error) {
	r := Rule{strings.ToLower(aor), strings.TrimPrefix(strings.ToLower(number), "+")}
	for _, p := range []string{r.aor, r.number} {
		if p == "" || len(p) > 32 || strings.Trim(p, "0123456789x") != "" {
			return r, fmt.Errorf("plan %s %s: want digits and x, as in 1xxx +97231231xxx", aor, number)
		}
	}
	if n := strings.Count(r.aor, "x"); n != strings.Count(r.number, "x") {
		return r, fmt.Errorf("plan %s %s: want as many x on both sides", aor, number)
	}
	if !strings.HasPrefix(number, "+") {
		return r, fmt.Errorf("plan %s %s: want the number in full, with + and its country code", aor, number)
	}
	return r, nil
}

// Number returns the number of an AOR, without "+".
func (r Rule) Number(a AOR) (digits string, ok bool) { return translate(r.aor, r.number, string(a)) }

// translate matches s with one pattern and writes what its x stand for into
// the other.
func translate(from, to, s string) (string, bool) {
	if len(s) != len(from) {
		return "", false
	}
	var xs []byte
	for i := range len(s) {
		switch {
		case s[i] < '0' || s[i] > '9':
			return "", false
		case from[i] == 'x':
			xs = append(xs, s[i])
		case from[i] != s[i]:
			return "", false
		}
	}
	out := []byte(to)
	for i := range out {
		if out[i] == 'x' {
			out[i], xs = xs[0], xs[1:]
		}
	}
	return string(out), true
}

// Plan is a list of rules: each that fits an AOR gives it a number.
type Plan []Rule

// Numbers returns the bindings that make an AOR reachable under its numbers,
// without stamps.
func (p Plan) Numbers(a AOR) []Binding {
	var out []Binding
	for _, r := range p {
		if digits, ok := r.Number(a); ok {
			if b, err := Publish(Number, digits, Details{Of: a, By: PlanSource}); err == nil {
				out = append(out, b)
			}
		}
	}
	return out
}
