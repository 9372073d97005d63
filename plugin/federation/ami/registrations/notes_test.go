package registrations

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami"
	"github.com/asterfed/asterfed/zone/location"
)

// calls is a Listener that writes down the calls.
type calls []string

func (c *calls) Registered(x location.Contact) { *c = append(*c, "registered "+x.URI) }
func (c *calls) ListedAOR(a location.AOR, _ location.Kind, list []location.Contact) {
	*c = append(*c, "listed "+string(a)+" "+uris(list))
}
func (c *calls) ListedAll(t location.Kind, list location.Listing) {
	*c = append(*c, fmt.Sprintf("all %v %s", t, uris(slices.Collect(list.All))))
}
func (c *calls) Removed(_ location.AOR, t location.Kind, uri string) {
	*c = append(*c, fmt.Sprintf("removed %v %s", t, uri))
}

func uris(list []location.Contact) string {
	var out []string
	for _, x := range list {
		out = append(out, x.URI)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// feed hands a follower AMI text, with "$" for the ActionID of the last action
// sent and one header a line.
func feed(t *testing.T, f *follower, text string) {
	t.Helper()
	r := ami.NewReader(strings.NewReader(strings.ReplaceAll(text, "$", fmt.Sprint(f.conn.LastID()))))
	for {
		if err := f.conn.Feed(r); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func status(aor, uri, what string) string {
	return fmt.Sprintf("Event: ContactStatus\nAOR: %s\nURI: %s\nContactStatus: %s\nEndpointName: %s\n\n", aor, uri, what, aor)
}

func listed(aor, uri string) string {
	return fmt.Sprintf("Event: ContactList\nActionID: $\nObjectName: %s;@1\nUri: %s\nEndpoint: %s\nExpirationTime: %d\n\n",
		aor, uri, aor, time.Now().Add(time.Hour).Unix())
}

const done = "Event: ContactListComplete\nActionID: $\nEventList: Complete\n\n"

// A list may be older or newer than the events that come while it is read.
func TestEventsDuringAListing(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"removed after the snapshot": {
			status("1001", "sip:1", "Removed") + listed("1001", "sip:1") + done,
			[]string{"removed pjsip sip:1", "all pjsip "},
		},
		"registered after the snapshot": {
			listed("1001", "sip:1") + status("1001", "sip:2", "NonQualified") + done,
			[]string{"registered sip:2", "all pjsip sip:1 sip:2"},
		},
		"replaced after the snapshot": {
			listed("1001", "sip:1") + status("1001", "sip:2", "NonQualified") + status("1001", "sip:1", "Removed") + done,
			[]string{"registered sip:2", "removed pjsip sip:1", "all pjsip sip:2"},
		},
		"a stranger that the list shows": {
			status("1002", "sip:3", "NonQualified") + listed("1001", "sip:1") + listed("1002", "sip:3") + done,
			[]string{"registered sip:3", "all pjsip sip:1 sip:3"},
		},
		"a stranger that the list does not show yet": {
			listed("1001", "sip:1") + status("1002", "sip:3", "NonQualified") + done,
			[]string{"all pjsip sip:1"},
		},
		"back again": {
			status("1001", "sip:1", "Removed") + status("1001", "sip:1", "NonQualified") + done,
			[]string{"removed pjsip sip:1", "registered sip:1", "all pjsip sip:1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got calls
			s := offline(New(Config{Listener: &got}), ami.Ready)
			list := func() {
				s.full.allowed = time.Time{}
				s.full.want(pjsipOnly, time.Now())
				if err := s.stepFull(time.Now()); err != nil {
					t.Fatal(err)
				}
			}
			list()
			feed(t, s, listed("1001", "sip:1")+done)
			got = nil
			list()
			feed(t, s, c.text)
			if !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

// A stranger that a listing just missed is asked for by itself.
func TestStrangerIsAskedForAfterTheListing(t *testing.T) {
	var got calls
	s := offline(New(Config{Listener: &got}), ami.Ready)
	s.full.want(pjsipOnly, time.Now())
	if err := s.stepFull(time.Now()); err != nil {
		t.Fatal(err)
	}
	feed(t, s, status("1002", "sip:3", "NonQualified")+"Response: Error\nActionID: $\nMessage: No Contacts found\n\n")
	if _, err := s.step(time.Now()); err != nil {
		t.Fatal(err)
	}
	feed(t, s, "Event: AorDetail\nActionID: $\nObjectName: 1002\n\n"+
		"Event: ContactStatusDetail\nActionID: $\nAOR: 1002\nID: 1002;@9\nURI: sip:3\nEndpointName: 1002\n\n"+
		"Event: EndpointDetailComplete\nActionID: $\nEventList: Complete\n\n")
	if want := []string{"all pjsip ", "registered sip:3", "listed 1002 sip:3"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
