package ami

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/location"
)

// sink is a Registrar that only counts.
type sink struct{ contacts, registered int }

func (s *sink) Registered(location.Contact)                               { s.registered++ }
func (s *sink) ListedAOR(location.AOR, location.Kind, []location.Contact) {}
func (s *sink) ListedAll(_ location.Kind, list []location.Contact)        { s.contacts = len(list) }
func (s *sink) Removed(_ location.AOR, _ location.Kind, _ string)         {}
func (s *sink) Status(Status)                                             {}

// contactList is what Asterisk 22 answers to PJSIPShowContacts with id.
func contactList(id uint64, n int) []byte {
	var b bytes.Buffer
	expires := time.Now().Add(time.Hour).Unix()
	fmt.Fprintf(&b, "Response: Success\r\nActionID: %d\r\nEventList: start\r\nMessage: A listing of Contacts follows, presented as ContactList events\r\n\r\n", id)
	for i := range n {
		fmt.Fprintf(&b, "Event: ContactList\r\nActionID: %d\r\nObjectType: contact\r\nObjectName: user%06d;@%032x\r\n"+
			"ViaAddr: 10.88.0.1\r\nQualifyTimeout: 2.000000\r\nQualify2xxOnly: false\r\nCallId: cid-%d@h1\r\nRegServer: a\r\n"+
			"PruneOnBoot: no\r\nPath: \r\nEndpoint: user%06d\r\nViaPort: 6001\r\nAuthenticateQualify: no\r\nUri: sip:user%06d@10.88.0.1:6001\r\n"+
			"QualifyFrequency: 0\r\nUserAgent: phone/1.0\r\nExpirationTime: %d\r\nOutboundProxy: \r\nStatus: NonQualified\r\nRoundtripUsec: N/A\r\n\r\n",
			id, i, i, i, i, i, expires)
	}
	fmt.Fprintf(&b, "Event: ContactListComplete\r\nActionID: %d\r\nEventList: Complete\r\nListItems: %d\r\n\r\n", id, n)
	return b.Bytes()
}

// BenchmarkListing reads and delivers a full list of 100,000 contacts: the
// first one, and one of users that are known.
func BenchmarkListing(b *testing.B) {
	const n = 100_000
	for _, known := range []bool{false, true} {
		b.Run(fmt.Sprintf("known=%v", known), func(b *testing.B) {
			got := &sink{}
			src := New(Config{Registrar: got})
			var text []byte
			list := func() {
				ses := newSession(src)
				ses.booted, ses.settled = true, true
				src.systemName = "a"
				ses.full.want(pjsipOnly, time.Now())
				src.last.State = Ready
				if err := ses.stepFull(time.Now()); err != nil {
					b.Fatal(err)
				}
				if text == nil {
					text = contactList(ses.nextID, n)
				}
				r, m := newReader(bytes.NewReader(text)), new(message)
				for r.read(m) == nil {
					if err := ses.handle(m); err != nil {
						b.Fatal(err)
					}
				}
				if got.contacts != n {
					b.Fatalf("listed %d contacts", got.contacts)
				}
			}
			if known {
				list()
			}
			b.ReportAllocs()
			for b.Loop() {
				if !known {
					src = New(Config{Registrar: got})
				}
				list()
			}
		})
	}
}
