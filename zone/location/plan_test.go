package location

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func TestRule(t *testing.T) {
	for _, c := range []struct{ aor, number, a, n string }{
		{"1xxx", "+97231231xxx", "1001", "97231231001"},
		{"1xxx", "+97231231xxx", "2001", ""},
		{"1xxx", "+97231231xxx", "10011", ""},
		{"1xxx", "+97231231xxx", "100a", ""},
		{"xx", "+49x30x", "12", "491302"},
		{"7", "+1202", "7", "1202"},
	} {
		r, err := ParseRule(c.aor, c.number)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := r.Number(AOR(c.a))
		if ok != (c.n != "") || got != c.n {
			t.Errorf("%s %s: %s is %q, want %q", c.aor, c.number, c.a, got, c.n)
		}
	}
	for _, bad := range [][2]string{{"1xxx", "+9723123xx"}, {"", "+1"}, {"1yy", "+1yy"}, {"1xxx", "97231231xxx"}, {"1xxx", "+"}} {
		if _, err := ParseRule(bad[0], bad[1]); err == nil || !strings.HasPrefix(err.Error(), "plan ") {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

// TestRuleGoesBack: what a rule turns into a number comes back as it was, and
// two AORs never share a number.
func TestRuleGoesBack(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	pattern := func(xs int) string {
		b := []byte(strings.Repeat("x", xs) + "123456"[:r.IntN(6)])
		r.Shuffle(len(b), func(i, j int) { b[i], b[j] = b[j], b[i] })
		return string(b)
	}
	for range 500 {
		xs := 1 + r.IntN(4)
		rule, err := ParseRule(pattern(xs), "+"+pattern(xs))
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]AOR{}
		for range 50 {
			a := []byte(rule.aor)
			for i := range a {
				if a[i] == 'x' {
					a[i] = "0123456789"[r.IntN(10)]
				}
			}
			n, ok := rule.Number(AOR(a))
			back, okBack := translate(rule.number, rule.aor, n)
			if !ok || !okBack || back != string(a) {
				t.Fatalf("%+v: %s is %s is %s", rule, a, n, back)
			}
			if other, taken := seen[n]; taken && other != AOR(a) {
				t.Fatalf("%+v: %s and %s are both %s", rule, a, other, n)
			}
			seen[n] = AOR(a)
		}
	}
}
