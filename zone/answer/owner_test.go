package answer

import (
	"slices"
	"testing"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
)

// The owner name of a binding says where it stands; what shares a name, and
// nothing else, is told by it.
func TestParseOwner(t *testing.T) {
	const apex = "pbx-a.homes." + origin
	for _, c := range []struct {
		kind     location.Kind
		name, to string
		owner    string
	}{
		{location.User, "Alice.Smith", "", "alice.smith.users."},
		{location.Entry, "1001", "", "1001.users."},
		{location.Number, "1001", "", "1.0.0.1.e164."},
		{location.Prefix, "97", "", "7.9.e164."},
		{location.Prefix, ".", "", "e164."},
		{location.Range, "100", "199", "0.0.1.e164."},
		{location.Wildcard, "97", "", "*.7.9.e164."},
		{location.Wildcard, ".", "", "*.e164."},
		{location.Trunk, "berlin", "", "berlin.trunks."},
		{location.Provider, "telco", "", "telco.providers."},
		{location.Service, "sales", "", "sales.services."},
	} {
		b, err := location.Publish(c.kind, c.name, location.Details{To: c.to})
		if err != nil {
			t.Fatal(err)
		}
		owner := record.Owner(b, apex)
		kinds, name := record.ParseOwner(owner, apex)
		if owner != c.owner+apex || !slices.Contains(kinds, c.kind) || name.Fold() != b.AOR.Fold() {
			t.Errorf("%s %s stands at %s, where %v %q can stand; want %s", c.kind, c.name, owner, kinds, name, c.owner)
		}
	}
	for _, owner := range []string{apex, "users." + apex, "trunks." + apex, "a.b.trunks." + apex, "12.e164." + apex, "x.e164." + apex,
		"1.*.e164." + apex, "_sip.users." + apex, "x." + apex, "1.e164.pbx-b.homes." + origin} {
		if kinds, name := record.ParseOwner(owner, apex); len(kinds) > 0 {
			t.Errorf("%v %q can stand at %s", kinds, name, owner)
		}
	}
}

// The newest claim that a binding competes with is another's.
func TestNewest(t *testing.T) {
	v := newTestView(t, Newest)
	own := func(k location.Kind, name string, d location.Details, stamp location.Stamp) location.Binding {
		b, err := location.Publish(k, name, d)
		if err != nil {
			t.Fatal(err)
		}
		b.Stamp = stamp
		return b
	}
	user, number := own(location.User, "1001", location.Details{}, 50), own(location.Number, "555", location.Details{}, 60)
	v.Home("pbx-a").Apply(record.Version{Epoch: "e", Serial: 2}, nil, []location.Change{{New: user}, {New: number}, bind("1001", 9, 20)})
	v.Home("pbx-b").Apply(record.Version{Epoch: "e", Serial: 2}, nil, []location.Change{{New: own(location.Entry, "1001", location.Details{}, 90)},
		{New: own(location.Number, "555", location.Details{Target: "x"}, 70)}})
	for b, want := range map[location.Binding]location.Stamp{user: 20, number: 70, own(location.Trunk, "t", location.Details{}, 5): 0} {
		if got := v.Newest(b); got != want {
			t.Errorf("%s %s competes with %d, want %d", b.Kind, b.AOR, got, want)
		}
	}
}
