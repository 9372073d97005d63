package view

import (
	"net/netip"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
)

const origin = "fed.example."

// newTestView returns a settled view of pbx-a with pbx-b and pbx-c beside it.
func newTestView(t *testing.T) *View {
	t.Helper()
	return testView(Config{})
}

func testView(c Config) *View {
	c.Origin, c.Self, c.TTL = origin, "pbx-a", 5*time.Second
	v := New(c)
	for i, n := range []string{"pbx-a", "pbx-b", "pbx-c"} {
		node := record.Node{Name: n, State: record.Up, Addrs: []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)})},
			SIP: []record.Transport{{Proto: "udp", Port: 5060}}}
		v.Home(n).Apply(record.Version{Epoch: "e", Serial: 1}, &node, nil)
	}
	v.SetSettled(true)
	return v
}

func bind(aor string, contact uint64, stamp uint64) location.Change {
	return location.Change{New: binding(aor, contact, stamp)}
}

func binding(aor string, contact uint64, stamp uint64) location.Binding {
	return location.Binding{AOR: location.AOR(aor), Kind: location.PJSIP,
		Contact: location.ContactID(contact), Stamp: location.Stamp(stamp)}
}
