package registrations

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami"
	"github.com/asterfed/asterfed/zone/location"
)

// sink is a Listener that only counts.
type sink struct{ contacts, registered int }

func (s *sink) Registered(location.Contact)                               { s.registered++ }
func (s *sink) ListedAOR(location.AOR, location.Kind, []location.Contact) {}
func (s *sink) ListedAll(_ location.Kind, list location.Listing)          { s.contacts = list.N }
func (s *sink) Removed(_ location.AOR, _ location.Kind, _ string)         {}

// contactListText is what Asterisk 22 answers to PJSIPShowContacts with id.
func contactListText(id uint64, n int) []byte {
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

// listing is a full list of contacts, read and delivered as often as one likes.
type listing struct {
	n    int
	text []byte // as Asterisk answers the first action of a connection
	got  *sink
	src  *Source
}

func newListing(n int) *listing {
	l := &listing{n: n, text: contactListText(1, n), got: &sink{}}
	l.restart()
	return l
}

// restart forgets all users.
func (l *listing) restart() { l.src = New(Config{Listener: l.got}) }

func (l *listing) take(t testing.TB) {
	f := offline(l.src, ami.Ready)
	f.full.want(pjsipOnly, time.Now())
	if err := f.stepFull(time.Now()); err != nil {
		t.Fatal(err)
	}
	if id := f.conn.LastID(); id != 1 {
		t.Fatalf("%d actions were sent, want one", id)
	}
	r := ami.NewReader(bytes.NewReader(l.text))
	var err error
	for err == nil {
		err = f.conn.Feed(r)
	}
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if l.got.contacts != l.n {
		t.Fatalf("listed %d contacts, want %d", l.got.contacts, l.n)
	}
}

// BenchmarkListing reads and delivers a full list of 100,000 contacts: the
// first one, and one of users that are known.
func BenchmarkListing(b *testing.B) {
	for _, known := range []bool{false, true} {
		b.Run(fmt.Sprintf("known=%v", known), func(b *testing.B) {
			l := newListing(100_000)
			l.take(b)
			b.ReportAllocs()
			for b.Loop() {
				if !known {
					l.restart()
				}
				l.take(b)
			}
		})
	}
}
