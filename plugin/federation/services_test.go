package federation

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami"
	"github.com/asterfed/asterfed/plugin/federation/ami/amitest"
	"github.com/asterfed/asterfed/plugin/federation/config"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// deaf is a Registrar that nobody asks.
type deaf struct{}

func (deaf) Registered(location.Contact)                               {}
func (deaf) Removed(location.AOR, location.Kind, string)               {}
func (deaf) ListedAOR(location.AOR, location.Kind, []location.Contact) {}
func (deaf) ListedAll(location.Kind, location.Listing)                 {}
func (deaf) Status(ami.Status)                                         {}

// followed returns a runtime that follows what lives on a simulated Asterisk.
func followed(t *testing.T, set func(*config.Config)) (*Runtime, *amitest.Server) {
	t.Helper()
	s, err := amitest.New(amitest.Config{User: "asterfed", Secret: "s3cret"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	r := newTestRuntime(t, "pbx-a")
	set(&r.cfg)
	follow(t, r, s)
	return r, s
}

// follow runs a Source until the test ends, or the returned function is called.
func follow(t *testing.T, r *Runtime, s *amitest.Server) (stop func()) {
	t.Helper()
	cfg := ami.Config{Addr: s.Addr(), User: "asterfed", Secret: "s3cret", Registrar: deaf{}, Logger: r.log}
	r.openSources()
	r.trunks.Read()
	r.followPBX(&cfg)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); ami.New(cfg).Run(ctx) }()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

// leads polls until the name leads there: users of NAPTRs and their nodes.
func leads(t *testing.T, r *Runtime, name, want string) {
	t.Helper()
	var got string
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); <-time.After(5 * time.Millisecond) {
		var out []string
		for _, rr := range r.view.Lookup(name+"."+testZone, dns.TypeNAPTR).Answer {
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

// gauges returns this package's metrics of a runtime by name and last label.
func gauges(t *testing.T, r *Runtime) map[string]float64 {
	t.Helper()
	ch, out := make(chan prometheus.Metric, 1000), map[string]float64{}
	r.Collect(ch)
	close(ch)
	for m := range ch {
		var d dto.Metric
		if err := m.Write(&d); err != nil {
			t.Fatal(err)
		}
		var labels []string
		for _, l := range d.Label {
			if l.GetName() != "zone" {
				labels = append(labels, l.GetValue())
			}
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(m.Desc().String(), `Desc{fqName: "coredns_federation_`), `"`)
		out[name+"{"+strings.Join(labels, ",")+"}"] = d.GetGauge().GetValue()
	}
	return out
}

// Rooms, queues and parked calls are published while they are there, those that
// a pattern names only, and what has ended unseen goes with the next list.
func TestServices(t *testing.T) {
	r, s := followed(t, func(c *config.Config) {
		c.Services = [ami.NumClasses][]string{ami.Rooms: {"5*"}, ami.Queues: {"6*"}, ami.Parked: {"70?"}}
	})
	s.SetRoom("500", true)
	s.SetRoom("300", true)
	s.SetParked("701", true)
	s.SetParked("711", true)
	s.SetQueue("600", 2, 1)
	leads(t, r, "500.users", "500@pbx-a")
	leads(t, r, "1.0.7.e164", "701@pbx-a")
	leads(t, r, "600.users", "600@pbx-a")
	for _, other := range []string{"300.users", "711.users"} {
		leads(t, r, other, "")
	}
	count := gauges(t, r)
	for _, kind := range []string{"conference", "queue", "parked"} {
		if got := count["services{"+kind+"}"]; got != 1 {
			t.Errorf("%v services of kind %s: %v", got, kind, count)
		}
	}
	cost := func() (cost uint16) {
		for _, b := range r.primary.Published("queues") {
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
	leads(t, r, "500.users", "")
	leads(t, r, "701.users", "")
	if err := s.Errors(); len(err) > 0 {
		t.Error(err)
	}
}

// until polls.
func until(t *testing.T, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !f(); <-time.After(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not in time")
		}
	}
}

// A node that starts again publishes what its Asterisk has now, and what the
// Corefile wants no longer goes.
func TestServicesAfterRestart(t *testing.T) {
	r, s := followed(t, func(c *config.Config) {
		c.Services = [ami.NumClasses][]string{ami.Rooms: {"5*"}, ami.Parked: {"70?"}}
	})
	s.SetRoom("500", true)
	s.SetParked("701", true)
	leads(t, r, "500.users", "500@pbx-a")
	leads(t, r, "701.users", "701@pbx-a")
	again := newTestRuntime(t, "pbx-a")
	again.cfg.Services[ami.Rooms] = []string{"5*"}
	for _, source := range []string{"rooms", "parking"} {
		again.primary.Follow(source, r.primary.Published(source), nil)
	}
	s.SetRoom("500", false)
	s.SetRoom("501", true)
	follow(t, again, s)
	leads(t, again, "501.users", "501@pbx-a")
	leads(t, again, "500.users", "")
	leads(t, again, "701.users", "")
}

// Without write=call, parked calls that were known before the connection are
// not kept: who has fetched them meanwhile was not seen.
func TestParkedUnlisted(t *testing.T) {
	r := newTestRuntime(t, "pbx-a")
	r.cfg.Services[ami.Parked] = []string{"70?"}
	b, err := location.Publish(location.Parked, "701", location.Details{By: "parking"})
	if err != nil {
		t.Fatal(err)
	}
	r.primary.Follow("parking", []location.Binding{b}, nil)
	leads(t, r, "701.users", "701@pbx-a")
	s, err := amitest.New(amitest.Config{User: "asterfed", Secret: "s3cret"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	s.SetPermissions("system,call", "system")
	follow(t, r, s)
	leads(t, r, "701.users", "")
	s.SetParked("702", true)
	leads(t, r, "702.users", "702@pbx-a")
	asked := s.Count("ParkedCalls")
	s.Reload("features") // after which all is listed anew, and refused again
	until(t, func() bool { return s.Count("ParkedCalls") > asked })
	s.SetParked("703", true) // what comes behind the refusal
	leads(t, r, "703.users", "703@pbx-a")
	leads(t, r, "702.users", "702@pbx-a")
	s.SetParked("702", false)
	leads(t, r, "702.users", "")
}

const trunkFile = "trunk,device,provider,route,cost\nberlin,PJSIP/telco,telco,+49,10\n"

// A trunk is published while Asterisk can use it, and when the file changes;
// what Asterisk says now is told, whatever is published.
func TestTrunksFollowAsterisk(t *testing.T) {
	file := filepath.Join(t.TempDir(), "trunks.csv")
	if err := os.WriteFile(file, []byte(trunkFile), 0o600); err != nil {
		t.Fatal(err)
	}
	r, s := followed(t, func(c *config.Config) { c.Trunks = file })
	r.live = ami.NewLive(ami.LiveConfig{Addr: s.Addr(), User: "asterfed", Secret: "s3cret"})
	t.Cleanup(r.live.Close)
	way := func(want int) {
		t.Helper()
		until(t, func() bool { return len(r.view.Lookup("9.9.0.3.9.4.e164."+testZone, dns.TypeNAPTR).Answer) == want })
		until(t, func() bool { return len(r.view.Lookup("berlin.trunks."+testZone, dns.TypeNAPTR).Answer) == want })
	}
	asks := func(want string) {
		t.Helper()
		until(t, func() bool { return string(r.answerQuery("federation:trunks", time.Now().Add(10*time.Second))) == want })
	}
	asks("trunks=0 down=1 published=0 list=down/berlin")
	s.SetTrunk("telco", "sip:192.0.2.1", "Reachable")
	way(2)
	asks("trunks=1 down=0 published=0 list=trunk/berlin")
	if got := gauges(t, r)["trunk_up{berlin}"]; got != 1 {
		t.Errorf("trunk_up %v", got)
	}
	began := time.Now()
	s.SetTrunk("telco", "sip:192.0.2.1", "Unreachable")
	way(0)
	t.Logf("gone %v after Asterisk's event", time.Since(began))
	if got := gauges(t, r); got["trunk_up{berlin}"] != 0 {
		t.Errorf("metrics %v", got)
	}
	asks("trunks=0 down=1 published=0 list=down/berlin")
	s.SetTrunk("telco", "sip:192.0.2.1", "Reachable")
	way(2)
	if err := os.WriteFile(file, []byte("trunk,device,route\nparis,PJSIP/telco,+33\nout,PJSIP/none,+1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.trunks.Read()
	way(0)
	asks("trunks=1 down=1 published=0 list=down/out,trunk/paris")
	if err := os.WriteFile(file, []byte("nonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.trunks.Read()
	asks("trunks=1 down=1 published=0 list=down/out,trunk/paris")
	b, err := location.Publish(location.Trunk, "other", location.Details{})
	if err != nil {
		t.Fatal(err)
	}
	r.primary.Follow("", []location.Binding{b}, nil)
	asks("trunks=1 down=1 published=1 list=down/out,trunk/paris,published/other")
	s.Refuse("PJSIPShowEndpoint", "Permission denied")
	asks("trunks=0 down=0 published=1 error=refused why=PJSIPShowEndpoint:_Permission_denied list=published/other")
}
