package registrations

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami"
	"github.com/asterfed/asterfed/zone/location"
)

// checker is a Listener that fails on anything that must not be passed on.
type checker struct{ t *testing.T }

func (c checker) aor(a location.AOR) {
	if got, err := location.ParseAOR(string(a)); err != nil || got != a {
		c.t.Fatalf("passed on AOR %q: %v", a, err)
	}
}

func (c checker) contacts(t location.Kind, list ...location.Contact) {
	for _, x := range list {
		c.aor(x.AOR)
		if x.URI == "" || x.Kind != t || !x.Expires.IsZero() && !x.Expires.After(time.Now()) {
			c.t.Fatalf("passed on %+v", x)
		}
	}
}

func (c checker) Registered(x location.Contact) { c.contacts(x.Kind, x) }
func (c checker) ListedAOR(a location.AOR, t location.Kind, list []location.Contact) {
	c.aor(a)
	c.contacts(t, list...)
}
func (c checker) ListedAll(t location.Kind, list location.Listing) {
	all := slices.Collect(list.All)
	if c.contacts(t, all...); len(all) != list.N {
		c.t.Fatalf("passed on %d contacts as %d", len(all), list.N)
	}
}
func (c checker) Removed(a location.AOR, _ location.Kind, _ string) { c.aor(a) }

// FuzzAMI feeds what a hostile AMI server might send to a connection that has just
// logged in.
func FuzzAMI(f *testing.F) {
	for _, name := range []string{"ast16.raw.txt", "ast22.raw.txt"} {
		text := transcript(f, name)
		for len(text) > 0 {
			n := min(len(text), 2000)
			f.Add(text[:n])
			text = text[n:]
		}
	}
	boot := "Event: FullyBooted\r\n\r\n"
	f.Add([]byte(boot + "ActionID: 2\r\nEvent: ContactList\r\nObjectName: 1001;@x\r\nUri: sip:a\r\n\r\nActionID: 2\r\nEventList: Complete\r\n\r\n"))
	f.Add([]byte(boot + "ActionID: 1\r\nEvent: ContactList\r\nObjectName: a;@\r\nUri: \r\nRegServer: b\r\n\r\nResponse: Error\r\nActionID: 3\r\nMessage: No Contacts found\r\n\r\n"))
	f.Add([]byte(boot + "Event: ContactStatus\r\nAOR: x&y\r\nURI: sip:x\r\nContactStatus: NonQualified\r\n\r\n"))
	f.Add([]byte(boot + "Event: PeerStatus\r\nChannelType: SIP\r\nPeer: SIP/a\r\nPeerStatus: Registered\r\nAddress: [::1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		src := New(Config{Listener: checker{t}})
		c := ami.Offline(ami.New(ami.Config{}, src), false)
		r := ami.NewReader(bytes.NewReader(b))
		for c.Feed(r) == nil {
			if src.on == nil {
				continue
			}
			if _, err := src.Step(time.Now()); err != nil {
				return
			}
		}
	})
}
