package update

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/asterfed/asterfed/zone/location"
)

func binding(t *testing.T, kind, name, to string) location.Binding {
	t.Helper()
	k, err := location.ParseKind(kind)
	if err != nil {
		t.Fatal(err)
	}
	b, err := location.Publish(k, name, location.Details{To: to})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPatterns(t *testing.T) {
	for _, c := range []struct{ pattern, kind, name, to, want string }{
		{"*", "user", "alice", "", "yes"},
		{"*", "prefix", ".", "", "yes"},
		{"A*", "user", "Alice", "", "yes"},
		{"a*", "trunk", "berlin", "", "no"},
		{"b*", "trunk", "Berlin", "", "yes"},
		{"1*", "number", "1001", "", "yes"},
		{"+1*", "number", "1001", "", "yes"},
		{"1*", "user", "+1001", "", "yes"},
		{"1*", "number", "2001", "", "no"},
		{"1???", "number", "1001", "", "yes"},
		{"1???", "prefix", "1001", "", "no"}, // it stands for 10010 too
		{"1*", "prefix", "1", "", "yes"},
		{"12*", "prefix", "1", "", "no"},
		{"12*", "prefix", "123", "", "yes"},
		{"1*", "wildcard", ".", "", "no"},
		{"1[05]*", "prefix", "10", "", "no"},
		{"1*", "range", "1000", "1999", "yes"},
		{"10*", "range", "1000", "1999", "no"},
		{"1?*", "range", "1000", "1999", "no"},
		{"1000-1999", "number", "1500", "", "yes"},
		{"1000-1999", "number", "15000", "", "no"}, // longer ones would be without number
		{"1000-1999", "prefix", "15000", "", "no"},
		{"1000-1999", "range", "15000", "15999", "no"},
		{"1000-1999", "user", "15000", "", "no"},
		{"1000-1999", "number", "150", "", "no"},
		{"+1000-+1999", "user", "1500", "", "yes"},
		{"1000-1999", "user", "alice", "", "no"},
		{"1000-1999", "range", "1200", "1300", "yes"},
		{"1000-1999", "range", "1200", "2000", "no"},
		{"1000-1999", "prefix", "1", "", "no"},
		{"1000-1999", "prefix", "1999", "", "yes"},
		{"a-b", "user", "a-b", "", "yes"},
	} {
		p, err := ParsePattern(c.pattern)
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		if got := p.matches(binding(t, c.kind, c.name, c.to)); got != (c.want == "yes") {
			t.Errorf("%s for %s %s %s is %v, want %s", c.pattern, c.kind, c.name, c.to, got, c.want)
		}
	}
	for _, s := range []string{"", "[", "2000-1999", "10-100"} {
		if _, err := ParsePattern(s); err == nil {
			t.Errorf("pattern %q is taken", s)
		}
	}
}

// What a pattern permits as a range or a prefix, it permits number by number; of a
// glob, longer numbers too.
func TestPatternsCoverEachNumber(t *testing.T) {
	for _, pattern := range []string{"*", "1*", "12*", "+125*", "1[25]*", "1?2*", "120-129", "100-199", "1??"} {
		p, err := ParsePattern(pattern)
		if err != nil {
			t.Fatal(err)
		}
		var single [250]bool // with all that begins with it
		for n := range single {
			single[n] = true
			longer := []string{"", "0", "99"}
			if p.lo != "" { // a block permits names of its own length alone
				longer = longer[:1]
			}
			for _, longer := range longer {
				single[n] = single[n] && p.matches(binding(t, "number", fmt.Sprintf("%03d", n)+longer, ""))
			}
		}
		permitted := 0
		for lo := 90; lo < len(single); lo++ {
			for hi := lo; hi < len(single); hi += 7 {
				first, last := fmt.Sprintf("%03d", lo), fmt.Sprintf("%03d", hi)
				if !p.matches(binding(t, "range", first, last)) {
					continue
				}
				permitted++
				for n := lo; n <= hi; n++ {
					if !single[n] {
						t.Fatalf("%s permits the range %s to %s, but not the number %d", pattern, first, last, n)
					}
				}
			}
			if s := strconv.Itoa(lo); p.lo == "" && p.matches(binding(t, "prefix", s, "")) && !p.matches(binding(t, "number", s+"5", "")) {
				t.Fatalf("%s permits the prefix %s, but not the number %s5", pattern, s, s)
			}
		}
		if sure := !strings.ContainsAny(pattern, "[?"); sure != (permitted > 0) {
			t.Errorf("%s permits %d ranges", pattern, permitted)
		}
	}
}

// A key with few rights changes nothing beyond them, and a refusal says which
// right is missing.
func TestRules(t *testing.T) {
	pattern, err := ParsePattern("1*")
	if err != nil {
		t.Fatal(err)
	}
	few := Rules{{Kinds: []location.Kind{location.Number}, Names: []Pattern{pattern}},
		{Kinds: []location.Kind{location.User}}}
	for _, c := range []struct{ update, want string }{
		{"add 2.1.e164." + apex + ` TXT "k=number"`, ""},
		{"delete 2.1.e164." + apex, ""},
		{"delete " + number + ` TXT "k=number" "u=1001"`, ""},
		{"delete " + bob, ""},
		{"add x.users." + apex + ` TXT "k=user"`, ""},
		{"add 2.e164." + apex + ` TXT "k=number"`, "permits k=number at 2"},
		{"add 2.1.e164." + apex + ` TXT "k=prefix"`, "permits k=prefix at 12"},
		{"delete 2.e164." + apex, "permits 2"},
		{"delete " + number, "permits k=range at 1001 to 1999"},
		{"delete " + number + ` TXT "k=range" "to=1999"`, "permits k=range at 1001 to 1999"},
		{"delete " + number + ` TXT "k=prefix"`, "permits k=prefix at 1001"},
		{"delete berlin.trunks." + apex, "permits berlin"},
		{"delete " + bob + "\nadd 2.e164." + apex + ` TXT "k=number"`, "permits k=number at 2"},
	} {
		l := newLab(t, was...)
		before := l.zone()
		err := l.as(t, few, c.update)
		if c.want == "" && err != nil || c.want != "" && (code(err) != "REFUSED" || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%q: %v, want …%s", c.update, err, c.want)
		}
		if err != nil && l.zone() != before {
			t.Errorf("%q is refused, and changes the zone", c.update)
		}
	}
}
