package trunk

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/asterfed/asterfed/plugin/federation/ami/pbx"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
)

const file = `trunk,device,registration,provider,route,cost,capacity
# two ways to Germany
berlin,PJSIP/telco,telco-reg,telco,+49; +43,10,30
berlin,,,,+4930,5,
backup,IAX2/other,,telco,+,100,4
local,,,,+97231-+97233,,
`

// text returns what is published, one line a binding.
func text(t *testing.T, table *Table, up func(pbx.Device) bool) string {
	t.Helper()
	list, err := table.Bindings(up)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, b := range list {
		rr := record.TXT(b, "n.", 0)
		out = append(out, strings.TrimSuffix(rr.Hdr.Name, ".n.")+" "+strings.Join(rr.Txt[1:], " "))
	}
	return strings.Join(out, "\n")
}

func TestTable(t *testing.T) {
	table, bad, err := Parse(strings.NewReader(file))
	if err != nil || bad.N != 0 {
		t.Fatal(err, bad)
	}
	if got := fmt.Sprint(table.Devices()); got != "[PJSIP/telco IAX2/other PJSIP/local]" || table.Devices()[0].Registration != "telco-reg" {
		t.Errorf("devices %s", got)
	}
	const berlin = `berlin.trunks k=trunk by=trunks cost=5 cap=30
9.4.e164 k=prefix via=berlin by=trunks cost=10
3.4.e164 k=prefix via=berlin by=trunks cost=10
0.3.9.4.e164 k=prefix via=berlin by=trunks cost=5
`
	const backup = `backup.trunks k=trunk by=trunks cost=100 cap=4
e164 k=prefix via=backup by=trunks cost=100
`
	const local = `local.trunks k=trunk by=trunks
1.3.2.7.9.e164 k=range via=local to=97233 by=trunks
`
	for _, c := range []struct{ down, want string }{
		{"", berlin + backup + local + "telco.providers k=provider by=trunks cost=5 cap=34"},
		{"PJSIP/telco", backup + local + "telco.providers k=provider by=trunks cost=100 cap=4"},
		{"IAX2/other", berlin + local + "telco.providers k=provider by=trunks cost=5 cap=30"},
	} {
		if got := text(t, table, func(d pbx.Device) bool { return d.String() != c.down }); got != c.want {
			t.Errorf("without %s:\n%s\nwant:\n%s", c.down, got, c.want)
		}
	}
	if got := text(t, table, func(pbx.Device) bool { return false }); got != "" {
		t.Errorf("without any device: %s", got)
	}
}

// TestBadLines: each mistake costs its own line and names it.
func TestBadLines(t *testing.T) {
	const head = "trunk,device,registration,provider,route,cost,capacity\n"
	for line, want := range map[string]string{
		",PJSIP/x":                   "line 2: no trunk",
		"a b":                        "line 2: ",
		"a.b":                        `line 2: name "a.b": want one label`,
		"a,telco":                    `line 2: device "telco": want PJSIP/ENDPOINT`,
		"a,,,,49":                    `line 2: route "49": want + and digits`,
		"a,,,,+49x":                  `line 2: route "+49x": `,
		"a,,,,+49-+4":                "line 2: range 49 to",
		"a,,,,+49,-1":                `line 2: cost "-1": want 0 to 65535`,
		"a,,,,+49,1,70000":           `line 2: capacity "70000"`,
		"a,,,,+49,1,7,8":             "line 2: 8 fields",
		"a,IAX2/x,reg":               "line 2: registration reg: want USER@HOST",
		"a,PJSIP/x\na,PJSIP/y,,,+49": "line 3: trunk a has another device",
		"a,,,p,+49\na,,,q,+43":       "line 3: trunk a has another device, registration, provider",
		"a,\"b\"c":                   "line 2: ",
	} {
		table, bad, err := Parse(strings.NewReader(head + line + "\nlast,,,,+1\n"))
		if err != nil || bad.N != 1 || !strings.HasPrefix(bad.First[0].Error(), want) {
			t.Errorf("%q: %v, %v; want %s", line, bad, err, want)
			continue
		}
		if !slices.ContainsFunc(table.Trunks, func(x *Trunk) bool { return x.Name == "last" }) {
			t.Errorf("%q: the lines around it are gone", line)
		}
	}
	for _, head := range []string{"", "trunk,luck\n", "device\n", "trunk,trunk\n"} {
		if _, _, err := Parse(strings.NewReader(head)); err == nil || !strings.Contains(err.Error(), "trunk, device, registration") && !strings.Contains(err.Error(), "twice") {
			t.Errorf("header %q: %v", head, err)
		}
	}
}

// Whatever stands in the file: no panic, and what comes of it can be published
// and comes back from the wire the same.
func FuzzParse(f *testing.F) {
	f.Add(file)
	f.Add("trunk,route\na,+49 +50-+51;+\n\"b\nb\",+1")
	f.Add("trunk,device,capacity\na,SIP/x,65535\nA,SIP/x,65535")
	f.Fuzz(func(t *testing.T, text string) {
		table, _, err := Parse(strings.NewReader(text))
		if err != nil {
			return
		}
		list, err := table.Bindings(func(pbx.Device) bool { return true })
		if err != nil {
			t.Fatal(err)
		}
		apex := record.HomeZone("pbx-a", "fed.example.")
		for _, b := range list {
			got, _, err := record.ParseTXT(record.TXT(b, apex, 5), apex)
			same := got.Kind == b.Kind && got.AOR.Fold() == b.AOR.Fold() && got.Info == b.Info && got.Contact == b.Contact
			if err != nil || !same || b.Info.Details().Via == "" && b.Kind != location.Trunk && b.Kind != location.Provider {
				t.Fatalf("%v comes back as %v, %v", b, got, err)
			}
		}
	})
}
