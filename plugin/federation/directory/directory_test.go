package directory

import (
	"encoding/csv"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/asterfed/asterfed/zone/location"
)

// said is a binding as a line: kind, name and details.
func said(b location.Binding) string {
	out := b.Kind.String() + " " + string(b.AOR)
	b.Info.Details().Each(func(key, val string) {
		if key != "by" {
			out += " " + key + "=" + val
		}
	})
	return out
}

func parse(t *testing.T, text string, opt Options) (*Directory, Bad) {
	t.Helper()
	d, bad, err := Parse(strings.NewReader(text), opt, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d, bad
}

func TestParse(t *testing.T) {
	raw, err := os.ReadFile("testdata/office.csv")
	if err != nil {
		t.Fatal(err)
	}
	for node, want := range map[string]string{
		"pbx-a": `entry 1001 u=vm-1001 n=Smith, Alice
number 97231231001 of=1001
number 97231231901 of=1001
user alice of=1001
user alice.smith of=1001
entry 1002 of=1001 n=Bob
user bob of=1002
entry 1003 of=+491711234567 n=Çelik
number 4930123456 of=1003
user 1003 of=1003-desk
user 1003 of=1003-mobile
entry 1004`,
		"pbx-c": `entry 1002 of=1001 n=Bob
user bob of=1002
entry 1004`,
	} {
		d, bad := parse(t, string(raw), Options{Node: node, Region: "IL"})
		if bad.N != 0 {
			t.Errorf("%s: bad lines: %v", node, bad)
		}
		var got []string
		for b := range d.all() {
			got = append(got, said(b))
			if b.Info.Details().By != Source {
				t.Errorf("%s: by=%q", said(b), b.Info.Details().By)
			}
		}
		lines := strings.Split(want, "\n")
		slices.Sort(got)
		slices.Sort(lines)
		if d.Len != len(got) || !slices.Equal(got, lines) {
			t.Errorf("%s publishes\n%s\nwant\n%s", node, strings.Join(got, "\n"), want)
		}
		for who, allowed := range map[location.AOR]bool{"1001": node == "pbx-a", "1002": true, "1003-DESK": node == "pbx-a", "9": true} {
			if d.Allows(who, node) != allowed {
				t.Errorf("Allows(%s, %s) = %v", who, node, !allowed)
			}
		}
	}
}

// TestBadLines: a line that cannot be read is named, and the rest is kept.
func TestBadLines(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"10&01,,,,", `line 3: AOR "10&01" holds '&'`},
		{",+97231231001,,,", "line 3: no user"},
		{"1001,12345,,,", `line 3: number "12345": want +COUNTRY`},
		{"1001,+4412345,,,", `line 3: number "+4412345": no number of country +44 has this length`},
		{"1001,+999123,,,", `line 3: number "+999123":`},
		{"1001,,a&b,,", `line 3: AOR "a&b"`},
		{"1001,,,voicemail,", `line 3: fallback "voicemail": want "user NAME"`},
		{"1001,,,,PBX_A", `line 3: home "PBX_A": want the name of a node`},
		{"1001,,,,,extra", "line 3: 6 fields: the header names 5"},
		{"1000,,,,", "line 3: user 1000 stands in line 2 already"},
		{"1001,,boss,,", "line 3: user boss stands in line 2 already"},
		{"1001,+97231230000,,,", "line 3: number 97231230000 stands in line 2 already"},
		{`1001,"x,,,`, `line 3: a quote (") that is not closed on its line`},
		{`1001,x"y,,,`, "line 3: bare \""},
		{`1001,"x"y,,,`, "line 3: extraneous"},
		{"1001,,,," + strings.Repeat(" ", maxLine), "line 3: more than 65536 octets"},
	} {
		text := "user,number,alias,fallback,home\n1000,+97231230000,boss,,\n" + c.line + "\n1009,,,,\n"
		d, bad := parse(t, text, Options{Node: "pbx-a"})
		if bad.N != 1 || !strings.HasPrefix(bad.First[0].Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.line, bad, c.want)
			continue
		}
		if n := d.Len; n != 3 { // number, alias, and 1009
			t.Errorf("%s: %d bindings of the other lines, want 3", c.line, n)
		}
	}
}

func TestBadHeader(t *testing.T) {
	for text, want := range map[string]string{
		"":                 "no header",
		"number,name\n":    `no column "user"`,
		"user,phone\n":     `column "phone": want some of user`,
		"user,name,name\n": `column "name" is there twice`,
	} {
		if _, _, err := Parse(strings.NewReader(text), Options{}, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	if _, bad := parse(t, "\ufeffUser , NAME\n1,x\n", Options{}); bad.N != 0 {
		t.Errorf("a header with a byte order mark and capitals: %v", bad)
	}
}

func FuzzParse(f *testing.F) {
	raw, err := os.ReadFile("testdata/office.csv")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(raw))
	f.Add("user,number\n1,\"+1\n2,3")
	f.Add("user\n1\n\"0\" 0") // a first field that ends wrongly: a record of no fields
	f.Fuzz(func(t *testing.T, text string) {
		d, _, err := Parse(strings.NewReader(text), Options{Node: "pbx-a", Region: "IL"}, nil)
		if err != nil {
			return
		}
		for b := range d.all() {
			if again, err := location.Publish(b.Kind, string(b.AOR), b.Info.Details()); err != nil || again != b {
				t.Fatalf("%s cannot be published as it is: %v", said(b), err)
			}
		}
	})
}

// FuzzSplit compares the reader of lines with encoding/csv, which reads each line
// by itself to the same fields.
func FuzzSplit(f *testing.F) {
	for _, line := range []string{"a,b", `"a,b", c`, `"a""b",`, `a"b`, `"a"b`, `"a`, ",,", "  x, y ", `""`, `"",""`, "\t\"x\"", `"a" ,b`} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if strings.ContainsAny(line, "\r\n") || line == "" {
			return
		}
		r := csv.NewReader(strings.NewReader(line))
		r.FieldsPerRecord, r.TrimLeadingSpace = -1, true
		want, werr := r.Read()
		got, err := split(line, nil)
		if (err == nil) != (werr == nil) || err == nil && !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v; encoding/csv has %q, %v", line, got, err, want, werr)
		}
	})
}

// TestSince: what follows from two versions of a file is what follows from their
// difference, whatever changes.
func TestSince(t *testing.T) {
	opt := Options{Node: "pbx-a"}
	versions := []string{
		"user,number,name,home\n1,+97231231001,One,\n2,+97231231002,Two,\n3,,Three,\n",
		"user,number,name,home\n1,+97231231001,One,\n2,+97231231002,Two!,\n3,,Three,\n",       // changed
		"user,number,name,home\n3,,Three,\n# moved\n1,+97231231001,One,\n",                    // removed, moved
		"user,number,name,home\n9,+97231231001,Nine,\n3,,Three,\n1,+97231231001,One,\n",       // a line above takes the number
		"user,number,name,home\n3,,Three,pbx-b\n1,+97231231001,One,pbx-a pbx-b\n1,,,\n1,,,\n", // homes, twice the same
		"user,name,number,home\n1,One,+97231231001,\n",                                        // other columns
		"user,number,name,home\n", // nobody
		"user,number,name,home\n1,+97231231001,One,\n2,+97231231002,Two,\n3,,Three,\n4,\"bad,,\n5,,,\n", // and again
	}
	var last *Directory
	held := map[location.Binding]bool{}
	for i, text := range versions {
		next, bad, err := Parse(strings.NewReader(text), opt, last)
		if err != nil {
			t.Fatal(err)
		}
		fresh, freshBad := parse(t, text, opt)
		if fmt.Sprint(bad) != fmt.Sprint(freshBad) {
			t.Errorf("version %d: bad lines %v, want %v", i, bad, freshBad)
		}
		added, removed := next.Since(last)
		for _, b := range removed {
			delete(held, b)
		}
		for _, b := range added {
			held[b] = true
		}
		want := map[location.Binding]bool{}
		for b := range fresh.all() {
			want[b] = true
		}
		if !maps.Equal(held, want) || next.Len != len(want) {
			t.Errorf("version %d: %d bindings %v, want %v", i, next.Len, held, want)
		}
		for _, a := range []location.AOR{"1", "3"} {
			if next.Allows(a, "pbx-a") != fresh.Allows(a, "pbx-a") || next.Allows(a, "pbx-c") != fresh.Allows(a, "pbx-c") {
				t.Errorf("version %d: homes of %s", i, a)
			}
		}
		last = next
	}
}

// TestHostileFile: neither many bad lines nor one long field cost memory or log.
func TestHostileFile(t *testing.T) {
	text := "user\n" + strings.Repeat("a&b\n", 10_000) + `"` + strings.Repeat("x", 10<<20) + "\n1001\n"
	var log strings.Builder
	before := allocated()
	d, bad := parse(t, text, Options{Node: "pbx-a"})
	if used := allocated() - before; used > 20<<20 {
		t.Errorf("took %d octets", used)
	}
	bad.Log(slog.New(slog.NewTextHandler(&log, nil)), "line left out", "users.csv")
	if n := strings.Count(log.String(), "\n"); bad.N != 10_001 || d.Len != 1 || n != 101 || log.Len() > 30_000 || !strings.Contains(log.String(), "further_lines=9901") {
		t.Errorf("%d bad lines, %d bindings, %d lines in the log (%d octets)", bad.N, d.Len, n, log.Len())
	}
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// TestInvisibleCharacters: a name may not change how a terminal shows its line.
func TestInvisibleCharacters(t *testing.T) {
	for _, name := range []string{"a\x1b[31m", "a\tb", "a\u202eb", "a\u0085b", "a\xffb"} {
		if d, bad := parse(t, "user,name\n1001,"+name+"\n1002,ok\n", Options{Node: "pbx-a"}); bad.N != 1 || d.Len != 1 {
			t.Errorf("%q: %v", name, bad)
		}
	}
}
