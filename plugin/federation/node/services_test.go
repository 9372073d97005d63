package node

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami/amitest"
	"github.com/asterfed/asterfed/plugin/federation/ami/pbx"
	"github.com/asterfed/asterfed/plugin/federation/config"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/miekg/dns"
)

// followed returns a node that follows what lives on a simulated Asterisk.
func followed(t *testing.T, settings config.Config) (*Node, *amitest.Server) {
	t.Helper()
	s, err := amitest.New(amitest.Config{User: "asterfed", Secret: "s3cret"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return follow(t, settings, s), s
}

// follow starts a node that follows s.
func follow(t *testing.T, settings config.Config, s *amitest.Server) *Node {
	t.Helper()
	settings.Asterisk = config.Asterisk{Addr: s.Addr(), User: "asterfed", Secret: "s3cret"}
	return newTestNode(t, settings)
}

// leads polls until the name leads there: users of NAPTRs and their nodes.
func leads(t *testing.T, n *Node, name, want string) {
	t.Helper()
	var got string
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); <-time.After(5 * time.Millisecond) {
		var out []string
		for _, rr := range n.view.Lookup(name+"."+testZone, dns.TypeNAPTR).Answer {
			if n := rr.(*dns.NAPTR); n.Service == "E2U+sip" {
				uri, _, _ := strings.Cut(strings.TrimPrefix(n.Regexp, "!^.*$!sip:"), ".nodes")
				out = append(out, uri)
			}
		}
		if got = strings.Join(out, " "); got == want {
			return
		}
	}
	t.Fatalf("%s leads to %q, want %q", name, got, want)
}

// Rooms, queues and parked calls are published while they are there, those that
// a pattern names only, and what has ended unseen goes with the next list.
func TestServices(t *testing.T) {
	n, s := followed(t, config.Config{Services: [pbx.NumClasses][]string{pbx.Rooms: {"5*"}, pbx.Queues: {"6*"}, pbx.Parked: {"70?"}}})
	s.SetRoom("500", true)
	s.SetRoom("300", true)
	s.SetParked("701", true)
	s.SetParked("711", true)
	s.SetQueue("600", 2, 1)
	leads(t, n, "500.users", "500@pbx-a")
	leads(t, n, "1.0.7.e164", "701@pbx-a")
	leads(t, n, "600.users", "600@pbx-a")
	for _, other := range []string{"300.users", "711.users"} {
		leads(t, n, other, "")
	}
	count := n.Metrics().Services
	for _, kind := range []string{"conference", "queue", "parked"} {
		if got := count[kind]; got != 1 {
			t.Errorf("%v services of kind %s: %v", got, kind, count)
		}
	}
	cost := func() (cost uint16) {
		for _, b := range n.primary.Published("queues") {
			cost = b.Info.Details().Cost
		}
		return cost
	}
	s.SetQueue("600", 2, 0)
	until(t, func() bool { return cost() == 1 })
	s.SetQueue("600", 0, 0)
	until(t, func() bool { return cost() == location.QueueEmpty })
	s.SetRoom("500", false)
	s.SetParked("701", false)
	leads(t, n, "500.users", "")
	leads(t, n, "701.users", "")
	if err := s.Errors(); len(err) > 0 {
		t.Error(err)
	}
}

// A node that starts again publishes what its Asterisk has now, and what the
// Corefile wants no longer goes.
func TestServicesAfterRestart(t *testing.T) {
	settings := config.Config{Data: t.TempDir(), Services: [pbx.NumClasses][]string{pbx.Rooms: {"5*"}, pbx.Parked: {"70?"}}}
	n, s := followed(t, settings)
	s.SetRoom("500", true)
	s.SetParked("701", true)
	leads(t, n, "500.users", "500@pbx-a")
	leads(t, n, "701.users", "701@pbx-a")
	n.Stop()
	s.SetRoom("500", false)
	s.SetRoom("501", true)
	settings.Services[pbx.Parked] = nil
	again := follow(t, settings, s)
	leads(t, again, "501.users", "501@pbx-a")
	leads(t, again, "500.users", "")
	leads(t, again, "701.users", "")
}

// Without write=call, parked calls that were known before the connection are
// not kept: who has fetched them meanwhile was not seen.
func TestParkedUnlisted(t *testing.T) {
	settings := config.Config{Data: t.TempDir(), Services: [pbx.NumClasses][]string{pbx.Parked: {"70?"}}}
	n := newTestNode(t, settings) // without an Asterisk
	b, err := location.Publish(location.Parked, "701", location.Details{By: "parking"})
	if err != nil {
		t.Fatal(err)
	}
	n.primary.Follow("parking", []location.Binding{b}, nil)
	leads(t, n, "701.users", "701@pbx-a")
	s, err := amitest.New(amitest.Config{User: "asterfed", Secret: "s3cret"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	s.SetPermissions("system,call", "system")
	n.Stop()
	n = follow(t, settings, s)
	leads(t, n, "701.users", "")
	s.SetParked("702", true)
	leads(t, n, "702.users", "702@pbx-a")
	asked := s.Count("ParkedCalls")
	s.Reload("features") // after which all is listed anew, and refused again
	until(t, func() bool { return s.Count("ParkedCalls") > asked })
	s.SetParked("703", true) // what comes behind the refusal
	leads(t, n, "703.users", "703@pbx-a")
	leads(t, n, "702.users", "702@pbx-a")
	s.SetParked("702", false)
	leads(t, n, "702.users", "")
}

const trunkFile = "trunk,device,provider,route,cost\nberlin,PJSIP/telco,telco,+49,10\n"

// A trunk is published while Asterisk can use it, and when the file changes;
// what Asterisk says now is told, whatever is published.
func TestTrunksFollowAsterisk(t *testing.T) {
	file := filepath.Join(t.TempDir(), "trunks.csv")
	if err := os.WriteFile(file, []byte(trunkFile), 0o600); err != nil {
		t.Fatal(err)
	}
	n, s := followed(t, config.Config{Trunks: file})
	q := &queries{ctx: t.Context(), node: "pbx-a", asterisk: n.asterisk, primary: n.primary, view: n.view}
	way := func(want int) {
		t.Helper()
		until(t, func() bool { return len(n.view.Lookup("9.9.0.3.9.4.e164."+testZone, dns.TypeNAPTR).Answer) == want })
		until(t, func() bool { return len(n.view.Lookup("berlin.trunks."+testZone, dns.TypeNAPTR).Answer) == want })
	}
	asks := func(want string) {
		t.Helper()
		until(t, func() bool { return string(q.answer("federation:trunks", time.Now().Add(10*time.Second))) == want })
	}
	asks("trunks=0 down=1 published=0 list=down/berlin")
	s.SetTrunk("telco", "sip:192.0.2.1", "Reachable")
	way(2)
	asks("trunks=1 down=0 published=0 list=trunk/berlin")
	if got := n.Metrics().Trunks; !got["berlin"] {
		t.Errorf("metrics say %v", got)
	}
	began := time.Now()
	s.SetTrunk("telco", "sip:192.0.2.1", "Unreachable")
	way(0)
	t.Logf("gone %v after Asterisk's event", time.Since(began))
	if got := n.Metrics().Trunks; got["berlin"] || len(got) != 1 {
		t.Errorf("metrics say %v", got)
	}
	asks("trunks=0 down=1 published=0 list=down/berlin")
	s.SetTrunk("telco", "sip:192.0.2.1", "Reachable")
	way(2)
	if err := os.WriteFile(file, []byte("trunk,device,route\nparis,PJSIP/telco,+33\nout,PJSIP/none,+1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	n.asterisk.trunks.Read()
	way(0)
	asks("trunks=1 down=1 published=0 list=down/out,trunk/paris")
	if err := os.WriteFile(file, []byte("nonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	n.asterisk.trunks.Read()
	asks("trunks=1 down=1 published=0 list=down/out,trunk/paris")
	b, err := location.Publish(location.Trunk, "other", location.Details{})
	if err != nil {
		t.Fatal(err)
	}
	n.primary.Follow("", []location.Binding{b}, nil)
	asks("trunks=1 down=1 published=1 list=down/out,trunk/paris,published/other")
	s.Refuse("PJSIPShowEndpoint", "Permission denied")
	asks("trunks=0 down=0 published=1 error=refused why=PJSIPShowEndpoint:_Permission_denied list=published/other")
}
