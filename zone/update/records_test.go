package update

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/asterfed/asterfed/zone/record"
)

// block returns the lines of a fenced block of docs/records.md.
func block(t *testing.T, kind string) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/records.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?ms)^```" + kind + "\n(.*?)^```$").FindSubmatch(text)
	if m == nil {
		t.Fatalf("docs/records.md has no block %q", kind)
	}
	return strings.Split(strings.TrimSpace(string(m[1])), "\n")
}

// commands turns nsupdate's lines into those of message.
func commands(lines []string) string {
	var out []string
	for _, l := range lines {
		l = strings.TrimPrefix(l, "update ")
		f := strings.SplitN(l, " ", 4)
		if len(f) > 1 {
			f[1] += "."
		}
		if f[0] == "add" { // the TTL
			f = []string{f[0], f[1], f[3]}
		}
		if l != "send" {
			out = append(out, strings.Join(f, " "))
		}
	}
	return strings.Join(out, "\n")
}

// What docs/records.md types and shows is so.
func TestDocumentedRecords(t *testing.T) {
	l := newLab(t)
	if err := l.do(t, commands(block(t, "nsupdate"))); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, b := range l.pubs.Bindings() {
		b.Stamp = 0
		got = append(got, strings.Join(strings.Fields(record.TXT(b, apex, 5).String()), " "))
	}
	want := block(t, "records")
	slices.Sort(want)
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("the zone is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if err := l.do(t, commands(block(t, "nsupdate-delete"))); err != nil || l.pubs.Len() != 0 {
		t.Errorf("all deleted: %v; left are\n%s", err, l.zone())
	}
}
