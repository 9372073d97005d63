package update

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
)

// numbers returns an update that adds so many numbers from the first one on.
func numbers(first, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "add %se164.%s TXT \"k=number\"\n", record.ENUM(fmt.Sprint(first+i)), apex)
	}
	return b.String()
}

// A key has no more records than its quota, whatever its updates look like. What
// it has can be changed and withdrawn, and another key's records do not count.
func TestQuota(t *testing.T) {
	l := newLab(t, was...)
	rules := Rules{{Quota: 3}, {Quota: 5}}
	as := func(key, text string) error {
		m := message(t, text)
		changes, err := l.home.Decide(unpacked(t, m), key, l.pubs, rules)
		l.pubs.Apply(changes)
		return err
	}
	for _, c := range []struct{ key, update, want string }{
		{"one.", numbers(2000, 5), ""},
		{"one.", numbers(2005, 1), "would have 6 records and its quota is 5"},
		{"one.", numbers(2000, 5), ""}, // again
		{"one.", "delete " + record.ENUM("2000") + "e164." + apex + "\n" + numbers(2005, 1), ""},
		{"one.", numbers(2000, 1), "quota is 5"},
		{"two.", numbers(3000, 5), ""},
		{"two.", numbers(2001, 1), "quota is 5"}, // taking another's over counts
		{"two.", "delete " + record.ENUM("3000") + "e164." + apex, ""},
		{"two.", numbers(2001, 1), ""},
		{"one.", numbers(2010, 1), ""}, // for it has one less
	} {
		err := as(c.key, c.update)
		if c.want == "" && err != nil || c.want != "" && (code(err) != "REFUSED" || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s %.80q: %v, want …%s", c.key, c.update, err, c.want)
		}
	}
	if one, two := l.pubs.CountKey("one"), l.pubs.CountKey("two"); one != 5 || two != 5 {
		t.Errorf("the keys have %d and %d records, want 5 each", one, two)
	}
	if got := (Rules{{}}).quota(); got != defaultQuota {
		t.Errorf("without a quota: %d", got)
	}
}

// A name has a bounded number of records: as many updates as one likes, with
// other targets, add no more. Registrations count.
func TestRecordsOfOneName(t *testing.T) {
	targets := func(owner, kind string, from, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "add %s TXT \"k=%s\" \"u=t%d\"\n", owner, kind, from+i)
		}
		return b.String()
	}
	number := record.ENUM("2000") + "e164." + apex
	l := newLab(t)
	if err := l.do(t, targets(number, "number", 0, 500)); code(err) != "REFUSED" || !strings.Contains(err.Error(), "at most 100") {
		t.Errorf("500 records of one number: %v", err)
	}
	for i := range 15 {
		l.do(t, targets(number, "number", 10*i, 10))
	}
	if n := len(l.pubs.At(location.Number, "2000")); n != maxPerName {
		t.Errorf("%d records of one number, want %d", n, maxPerName)
	}
	if err := l.do(t, targets(number, "number", 0, 10)); err != nil {
		t.Errorf("what is there cannot be published again: %v", err)
	}
	l.users["1001"] = nil
	for i := range 60 {
		l.users["1001"] = append(l.users["1001"], location.Binding{AOR: "1001", Kind: location.PJSIP, Contact: location.ContactID(i + 1)})
	}
	user := "1001.users." + apex
	if err := l.do(t, targets(user, "user", 0, 41)); code(err) != "REFUSED" {
		t.Errorf("41 records beside 60 registrations: %v", err)
	}
	if err := l.do(t, targets(user, "user", 0, 40)); err != nil {
		t.Errorf("40 records beside 60 registrations: %v", err)
	}
}

// A key that may say since when publishes a user without claiming him anew, as a
// publisher does that was restarted; a time to come is now.
func TestSince(t *testing.T) {
	stampOf := func(l *lab) location.Stamp {
		for _, b := range l.pubs.At(location.User, "bob") {
			return b.Stamp
		}
		return 0
	}
	may := Rules{{Kinds: []location.Kind{location.User}, Since: true}, {Kinds: []location.Kind{location.Number}}}
	add := func(s string) string { return "add " + bob + ` TXT "k=user" ` + s }
	early, rival, late := start.Add(-time.Hour), start.Add(-time.Minute), start.Add(-time.Second)
	text := func(at time.Time) string { return `"t=` + at.Format(time.RFC3339Nano) + `"` }
	l := newLab(t)
	l.rival = location.StampAt(rival) // he registered elsewhere since
	for _, c := range []struct {
		what, update string
		rules        Rules
		want         location.Stamp
	}{
		{"as it was an hour ago", add(text(early) + ` "x=+1h"`), may, location.StampAt(early)},
		{"again, with another end", add(text(early) + ` "x=+2h"`), may, location.StampAt(early)},
		{"how long ago", add(`"t=-30m"`), may, location.StampAt(start.Add(-30 * time.Minute))},
		{"earlier than is known", add(text(early)), may, location.StampAt(start.Add(-30 * time.Minute))},
		{"he has registered here", add(text(late)), may, location.StampAt(late)},
		{"as a transfer shows it", add(`"t=` + location.Stamp(location.StampAt(late)+7).String() + `"`), may, location.StampAt(late) + 7},
		{"next year", add(text(start.AddDate(1, 0, 0))), may, location.StampAt(start)},
		{"the last stamp there is", add(`"t=ffffffffffffffff"`), may, location.StampAt(start)},
	} {
		if err := l.as(t, c.rules, c.update); err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		if got := stampOf(l); got != c.want {
			t.Errorf("%s: since %v, want %v", c.what, got.Time(), c.want.Time())
		}
	}
	for _, bad := range []string{`"t=yesterday"`, `"t="`, `"t=-0s"`, `"t=+1h"`, `"t=1960-01-01T00:00:00Z"`, `"t=1" "t=2"`} {
		before := l.zone()
		if err := l.as(t, may, add(bad)); code(err) != "REFUSED" || l.zone() != before {
			t.Errorf("%s: %v", bad, err)
		}
	}
	// A key without the right claims him anew, whatever it says.
	l = newLab(t)
	l.rival = location.StampAt(rival)
	for _, s := range []string{text(early), text(early) + ` "x=+1h"`, `"t=nonsense" "x=+2h"`} {
		l.now = l.now.Add(time.Second)
		if err := l.as(t, Rules{{}}, add(s)); err != nil || stampOf(l) < location.StampAt(l.now) {
			t.Errorf("%s without the right: since %v, %v", s, stampOf(l).Time(), err)
		}
	}
}
