package directory

import (
	"os"
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

func parse(t *testing.T, text string, opt Options) (*Directory, []BadLine) {
	t.Helper()
	d, bad, err := Parse(strings.NewReader(text), opt)
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
		if len(bad) != 0 {
			t.Errorf("%s: bad lines: %v", node, bad)
		}
		var got []string
		for _, b := range d.Bindings {
			got = append(got, said(b))
			if b.Info.Details().By != Source {
				t.Errorf("%s: by=%q", said(b), b.Info.Details().By)
			}
		}
		if !slices.Equal(got, strings.Split(want, "\n")) {
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
		{`1001,"x,,,`, "line 3: "},
	} {
		text := "user,number,alias,fallback,home\n1000,+97231230000,boss,,\n" + c.line + "\n1009,,,,\n"
		d, bad := parse(t, text, Options{Node: "pbx-a"})
		if len(bad) != 1 || !strings.HasPrefix(bad[0].Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.line, bad, c.want)
			continue
		}
		if n := len(d.Bindings); n != 3 && !strings.Contains(c.line, `"x`) { // number, alias, and 1009
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
		if _, _, err := Parse(strings.NewReader(text), Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	if _, bad := parse(t, "\ufeffUser , NAME\n1,x\n", Options{}); len(bad) != 0 {
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
		d, _, err := Parse(strings.NewReader(text), Options{Node: "pbx-a", Region: "IL"})
		if err != nil {
			return
		}
		for _, b := range d.Bindings {
			if again, err := location.Publish(b.Kind, string(b.AOR), b.Info.Details()); err != nil || again != b {
				t.Fatalf("%s cannot be published as it is: %v", said(b), err)
			}
		}
	})
}
