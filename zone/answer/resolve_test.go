package answer

import (
	"strings"
	"testing"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
)

// publish puts "kind name key=value…" into a home.
func publish(t *testing.T, v *Zone, home string, lines ...string) {
	t.Helper()
	h := v.Home(home)
	for _, l := range lines {
		f := strings.Fields(l)
		k, err := location.ParseKind(f[0])
		if err != nil {
			t.Fatal(err)
		}
		var d location.Details
		for _, s := range f[2:] {
			key, val, _ := strings.Cut(s, "=")
			if known, err := d.Set(key, val); err != nil || !known {
				t.Fatalf("%s: %v", s, err)
			}
		}
		b, err := location.Publish(k, f[1], d)
		if err != nil {
			t.Fatal(err)
		}
		h.Apply(h.Version(), nil, []location.Change{{New: b}})
	}
}

// sip returns the "user@node" of the E2U+sip records, best first, or "NODATA"
// or "NXDOMAIN".
func sip(v *Zone, name string) string {
	res := v.Lookup(name+"."+origin, dns.TypeNAPTR)
	var out []string
	for _, rr := range res.Answer {
		if n := rr.(*dns.NAPTR); n.Service == "E2U+sip" {
			_, uri, _ := strings.Cut(n.Regexp, "!sip:")
			out = append(out, strings.TrimSuffix(uri, ".nodes.fed.example!"))
		}
	}
	switch {
	case res.Rcode == dns.RcodeNameError:
		return "NXDOMAIN"
	case len(out) == 0:
		return "NODATA"
	}
	return strings.Join(out, " ")
}

func TestNamesThatStandForOthers(t *testing.T) {
	v := newTestView(t, Newest)
	publish(t, v, "pbx-a",
		"number 97231231001 of=1001 n=DID", "user alice of=1001", "user al of=alice", "user loop of=loop", "user ping of=pong",
		"user pong of=ping", "user boss of=+4930123", "user team of=1001", "user team of=1002", "number 97231231009 of=1009",
		"entry 1001 u=vm-1001 n=Alice", "entry 1002 of=1001", "entry 1003 n=Carol", "entry 1004 of=+4930777")
	publish(t, v, "pbx-c", "prefix 49")
	for _, c := range []struct{ when, name, want string }{
		{"nobody registered", "1001.users", "vm-1001@pbx-a"},
		{"", "1.0.0.1.e164", "vm-1001@pbx-a"},
		{"", "alice.users", "vm-1001@pbx-a"},
		{"", "1.0.0.1.3.2.1.3.2.7.9.e164", "vm-1001@pbx-a"},
		{"", "1002.users", "vm-1001@pbx-a"},
		{"", "1003.users", "NODATA"},
		{"", "1004.users", "+4930777@pbx-c"},
		{"", "boss.users", "+4930123@pbx-c"},
		{"", "loop.users", "NODATA"},
		{"", "ping.users", "NODATA"},
		{"", "9.0.0.1.3.2.1.3.2.7.9.e164", "NODATA"},
		{"", "1005.users", "NXDOMAIN"},
		{"1001 registered", "1001.users", "1001@pbx-b"},
		{"", "alice.users", "1001@pbx-b"},
		{"", "al.users", "1001@pbx-b"},
		{"", "1.0.0.1.3.2.1.3.2.7.9.e164", "1001@pbx-b"},
		{"", "team.users", "1001@pbx-b"},
		{"", "1002.users", "1001@pbx-b"},
		{"1002 registered", "1002.users", "1002@pbx-c"},
		{"", "team.users", "1002@pbx-c 1001@pbx-b"},
		{"pbx-b gone", "1001.users", "vm-1001@pbx-a"},
		{"", "alice.users", "vm-1001@pbx-a"},
		{"", "team.users", "1002@pbx-c"},
		{"pbx-a gone", "alice.users", "NXDOMAIN"},
	} {
		switch c.when {
		case "1001 registered":
			v.Home("pbx-b").Apply(record.Version{Epoch: "e", Serial: 2}, nil, []location.Change{bind("1001", 7, 100)})
		case "1002 registered":
			v.Home("pbx-c").Apply(record.Version{Epoch: "e", Serial: 2}, nil, []location.Change{bind("1002", 7, 200)})
		case "pbx-b gone":
			v.Home("pbx-b").SetReach(view.Gone)
		case "pbx-a gone":
			v.Home("pbx-a").SetReach(view.Gone)
		}
		if got := sip(v, c.name); got != c.want {
			t.Errorf("%s: %s is %s, want %s", c.when, c.name, got, c.want)
		}
	}
}

// TestEntryIsNoClaim: what a directory knows of a user never makes a
// registration look contested, whatever its stamp.
func TestEntryIsNoClaim(t *testing.T) {
	v := newTestView(t, Newest)
	publish(t, v, "pbx-b", "entry 1001 u=vm")
	b, err := location.Publish(location.Entry, "1001", location.Details{Target: "vm2"})
	if err != nil {
		t.Fatal(err)
	}
	b.Stamp = 1 << 60
	v.Home("pbx-b").Apply(record.Version{Epoch: "e", Serial: 2}, nil, []location.Change{{New: b}})
	v.Home("pbx-a").Apply(record.Version{Epoch: "e", Serial: 2}, nil, []location.Change{bind("1001", 7, 100)})
	if got := v.Rival("1001"); got != 0 {
		t.Errorf("rival %v", got)
	}
	if got := v.Contested(); len(got) != 0 {
		t.Errorf("contested: %v", got)
	}
	if got := sip(v, "1001.users"); got != "1001@pbx-a" {
		t.Errorf("1001 is at %s", got)
	}
}

func TestDisplayNames(t *testing.T) {
	v := newTestView(t, Newest)
	publish(t, v, "pbx-a", "number 97231231001 of=1001", "entry 1001 n=Alice", "number 555 of=1001 n=Sales")
	for name, want := range map[string]string{"1001.users": "Alice", "1.0.0.1.3.2.1.3.2.7.9.e164": "Alice",
		"5.5.5.e164": "Sales", "1.0.0.1.e164": "Alice"} {
		res := v.Lookup(name+"."+origin, dns.TypeTXT)
		if len(res.Answer) != 1 || res.Answer[0].(*dns.TXT).Txt[0] != want {
			t.Errorf("%s: %v, want %s", name, res.Answer, want)
		}
	}
}

func TestDialled(t *testing.T) {
	v := New(Config{ITAD: "256", Dial: Dial{Country: "972", National: "0", International: "00"}}, view.New(view.Config{Origin: origin, Self: "pbx-a", TTL: 5e9}))
	node, _ := newTestView(t, Newest).Home("pbx-a").Node()
	v.Home("pbx-a").Apply(record.Version{Epoch: "e", Serial: 1}, &node, []location.Change{bind("1001", 1, 1), bind("+97231231001", 2, 1), bind("0900", 3, 1)})
	v.SetSettled(true)
	publish(t, v, "pbx-a", "prefix 49", "prefix 9725 u=mobile")
	for name, want := range map[string]string{
		"1.0.0.1.3.2.1.3.2.7.9.e164":     "+97231231001@pbx-a",
		"1.0.0.1.3.2.1.3.0.e164":         "+97231231001@pbx-a",
		"1.0.0.1.3.2.1.3.2.7.9.0.0.e164": "+97231231001@pbx-a",
		"0.0.1.3.2.1.3.0.e164":           "NODATA",
		"2.0.0.1.3.2.1.3.0.e164":         "NXDOMAIN",
		"0.0.9.0.e164":                   "0900@pbx-a",
		"5.4.3.0.3.9.4.0.0.e164":         "+4930345@pbx-a",
		"5.4.3.0.3.9.4.e164":             `\\1@pbx-a`,
		"4.3.2.1.5.0.e164":               "mobile@pbx-a",
		"0.e164":                         "NODATA",
		"1.0.0.1.256.isn":                "1001@pbx-a",
		"1.0.0.1.257.isn":                "NXDOMAIN",
		"2.0.0.1.256.isn":                "NXDOMAIN",
		"256.isn":                        "NODATA",
		"isn":                            "NODATA",
	} {
		if got := sip(v, name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	if got := sip(newTestView(t, Newest), "isn"); got != "NXDOMAIN" {
		t.Errorf("isn without a number is %s", got)
	}
}
