package primary

import (
	"fmt"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
)

const origin = "fed.example."

// newTestView returns a settled view of pbx-a with pbx-b beside it.
func newTestView(t *testing.T) *answer.Zone {
	t.Helper()
	v := answer.New(answer.Config{Order: answer.Newest}, view.New(view.Config{Origin: origin, Self: "pbx-a", TTL: 5 * time.Second}))
	for _, n := range []string{"pbx-a", "pbx-b"} {
		node := record.Node{Name: n, State: record.Up, SIP: []record.Transport{{Proto: "udp", Port: 5060}}}
		v.Home(n).Apply(record.Version{Epoch: "e", Serial: 1}, &node, nil)
	}
	v.SetSettled(true)
	return v
}

func binding(aor string, contact uint64, stamp uint64) location.Binding {
	return location.Binding{AOR: location.AOR(aor), Kind: location.PJSIP,
		Contact: location.ContactID(contact), Stamp: location.Stamp(stamp)}
}

// scaleUser is the name of the user i of many.
func scaleUser(i int) string { return fmt.Sprintf("97231%06d", i) }
