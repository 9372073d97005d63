package answer

import (
	"net/netip"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
)

const origin = "fed.example."

// newTestView returns a settled view of pbx-a with pbx-b and pbx-c beside it.
func newTestView(t *testing.T, order Order) *Zone {
	t.Helper()
	return newTestViewWith(t, order, view.Listeners{})
}

func newTestViewWith(t *testing.T, order Order, on view.Listeners) *Zone {
	t.Helper()
	v := New(Config{Order: order}, view.New(view.Config{Origin: origin, Self: "pbx-a", TTL: 5 * time.Second, Listeners: on}))
	for i, n := range []string{"pbx-a", "pbx-b", "pbx-c"} {
		node := record.Node{Name: n, State: record.Up, Addrs: []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)}),
			netip.MustParseAddr("2001:db8::" + string(rune('1'+i)))},
			SIP: []record.Transport{{Proto: "udp", Port: 5060}, {Proto: "tcp", Port: 5060}}}
		if n == "pbx-a" {
			node.IAX = 4569
		}
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
