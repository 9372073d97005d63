package answer

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
)

// TestWaysOutNameTheirTrunk: a call that leaves by a trunk goes to the number
// in full, with the trunk's name beside it, so that it is never taken for a
// user; the same block by two trunks of one node is two ways.
func TestWaysOutNameTheirTrunk(t *testing.T) {
	v := newTestView(t, Newest)
	publish(t, v, "pbx-b", "prefix 49 via=berlin cost=10", "prefix 49 via=backup cost=20", "prefix . u=operator via=backup cost=9",
		"number 4930777 via=berlin", "prefix 41")
	const here = ";trunk-context=fed.example@pbx-b"
	for name, want := range map[string]string{
		"0.3.9.4.e164":         `+\\1;tgrp=berlin` + here + ` +\\1;tgrp=backup` + here,
		"7.7.7.0.3.9.4.e164":   `+\\1;tgrp=berlin` + here,
		"5.e164":               "operator;tgrp=backup" + here,
		"1.4.e164":             `\\1@pbx-b`,
		"9.9.0.0.0.0.1.4.e164": `\\1@pbx-b`,
	} {
		if got := sip(v, name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	for _, rr := range v.Lookup("0.3.9.4.e164."+origin, dns.TypeNAPTR).Answer {
		n := rr.(*dns.NAPTR)
		if !strings.HasPrefix(n.Regexp, "!^[+]?(.*)$!") || len(n.Regexp) > 255 {
			t.Errorf("regexp %s", n.Regexp)
		}
		if n.Service == "E2U+iax2" && !strings.Contains(n.Regexp, "!iax2:fedtrunk@pbx-") {
			t.Errorf("the account of users leads out: %s", n.Regexp)
		}
	}
}

// TestWays: the criteria count in the order that the policy names them in.
func TestWays(t *testing.T) {
	for _, c := range []struct {
		ways []Criterion
		want string
	}{
		{nil, "far-cheap near-dear silent-dear"},
		{[]Criterion{Cost, Distance, Health}, "far-cheap silent-dear near-dear"},
		{[]Criterion{Distance, Cost, Health}, "silent-dear near-dear far-cheap"},
		{[]Criterion{Health, Distance, Cost}, "near-dear far-cheap silent-dear"},
	} {
		v := New(Config{Selection: c.ways}, view.New(view.Config{Origin: origin, Self: "pbx-a", TTL: 5e9}))
		node, _ := newTestView(t, Newest).Home("pbx-a").Node()
		for home, ms := range map[string]time.Duration{"far-cheap": 90, "near-dear": 25, "silent-dear": 1} {
			n := node
			n.Name = home
			v.Home(home).Apply(record.Version{Epoch: "e", Serial: 1}, &n, nil)
			v.Home(home).SetDistance(ms * time.Millisecond)
		}
		publish(t, v, "far-cheap", "prefix 49 cost=1")
		publish(t, v, "near-dear", "prefix 49 cost=5")
		publish(t, v, "silent-dear", "prefix 49 cost=5")
		v.Home("silent-dear").SetReach(view.Orphan)
		if got := strings.ReplaceAll(sip(v, "1.9.4.e164"), `\\1@`, ""); got != c.want {
			t.Errorf("%v: %s, want %s", c.ways, got, c.want)
		}
	}
	for _, bad := range [][]Criterion{{Cost}, {Cost, Cost, Health}, {Cost, Health, "luck"}, {Cost, Health, Distance, Cost}} {
		if CheckSelection(bad) == nil {
			t.Errorf("%v is taken", bad)
		}
	}
}

// TestCapacityIsWeight: nodes that reach a provider at the same cost and
// distance share its calls as their trunks can take them (RFC 2782).
func TestCapacityIsWeight(t *testing.T) {
	v := newTestView(t, Newest)
	publish(t, v, "pbx-b", "provider telco cap=30")
	publish(t, v, "pbx-c", "provider telco cap=4")
	weights := map[string]uint16{}
	for _, rr := range v.Lookup("_sip._udp.telco.providers."+origin, dns.TypeSRV).Answer {
		s := rr.(*dns.SRV)
		weights[s.Target] = s.Weight
		if s.Priority != 10 {
			t.Errorf("%v: they are equals", s)
		}
	}
	if weights["pbx-b.nodes."+origin] != 30 || weights["pbx-c.nodes."+origin] != 4 {
		t.Errorf("weights %v", weights)
	}
}

// TestRoomsInUse: whoever calls a room joins those who are in it, on the node
// where it began first; afterwards the number is what it was before.
func TestRoomsInUse(t *testing.T) {
	for _, order := range []Order{Newest, Nearest, All} {
		v := newTestView(t, order)
		publish(t, v, "pbx-a", "entry 500 u=500", "number 97231230500 of=500")
		v.Home("pbx-b").SetDistance(90 * time.Millisecond)
		room := func(home string, stamp location.Stamp, begins bool) {
			b, err := location.Publish(location.Conference, "500", location.Details{By: "conferences"})
			if err != nil {
				t.Fatal(err)
			}
			b.Stamp = stamp
			c := location.Change{New: b}
			if !begins {
				c = location.Change{Old: b}
			}
			v.Home(home).Apply(record.Version{Epoch: "e", Serial: 2}, nil, []location.Change{c})
		}
		at := func(want string) {
			t.Helper()
			for _, name := range []string{"500.users", "0.0.5.e164", "0.0.5.0.3.2.1.3.2.7.9.e164"} {
				if got := sip(v, name); got != want {
					t.Errorf("%s: %s is %s, want %s", order, name, got, want)
				}
			}
		}
		at("500@pbx-a")
		room("pbx-b", 100, true)
		at("500@pbx-b")
		room("pbx-c", 200, true) // at the same moment, before pbx-c had heard of the other
		at("500@pbx-b 500@pbx-c")
		v.Home("pbx-b").SetReach(view.Gone)
		at("500@pbx-c")
		v.Home("pbx-b").SetReach(view.Alive)
		room("pbx-b", 100, false)
		at("500@pbx-c")
		room("pbx-c", 200, false)
		at("500@pbx-a")
	}
}

// TestRoomIsNoClaim: a room with a user's number does not contest the user's
// registration.
func TestRoomIsNoClaim(t *testing.T) {
	v := newTestView(t, Newest)
	b, err := location.Publish(location.Conference, "1001", location.Details{})
	if err != nil {
		t.Fatal(err)
	}
	b.Stamp = 1 << 60
	v.Home("pbx-b").Apply(record.Version{Epoch: "e", Serial: 2}, nil, []location.Change{{New: b}})
	v.Home("pbx-a").Apply(record.Version{Epoch: "e", Serial: 2}, nil, []location.Change{bind("1001", 7, 100)})
	if v.Rival("1001") != 0 || len(v.Contested()) != 0 {
		t.Errorf("rival %v, contested %v", v.Rival("1001"), v.Contested())
	}
}

// TestViaIsIdentity: what is bound by another trunk is another binding, and
// what has no trunk is the one it was before there were any.
func TestViaIsIdentity(t *testing.T) {
	ids := map[location.ContactID]bool{}
	for _, via := range []location.AOR{"", "berlin", "backup", "BACKUP"} {
		b, err := location.Publish(location.Prefix, "49", location.Details{Via: via, Cost: 7})
		if err != nil {
			t.Fatal(err)
		}
		ids[b.Contact] = true
		got, _, err := record.ParseTXT(record.TXT(b, record.HomeZone("pbx-b", origin), 5), record.HomeZone("pbx-b", origin))
		if err != nil || got != b {
			t.Errorf("%v comes back as %v, %v", b, got, err)
		}
	}
	if len(ids) != 3 {
		t.Errorf("%d identities, want 3", len(ids))
	}
	for _, d := range []location.Details{{Via: "a", Of: "b"}, {Capacity: 3}} {
		if _, err := location.Publish(location.Prefix, "49", d); err == nil {
			t.Errorf("%+v is taken", d)
		}
	}
	if _, err := location.Publish(location.User, "1001", location.Details{Via: "a"}); err == nil {
		t.Error("a user who leaves by a trunk is taken")
	}
	kinds, _ := record.ParseOwner("500.users.pbx-b.homes."+origin, "pbx-b.homes."+origin)
	if !slices.Contains(kinds, location.Conference) {
		t.Errorf("kinds of a user's name: %v", kinds)
	}
}

// TestQueues: calls to a queue go where a member is free, then where members are
// busy; one that nobody is logged in to answers only behind a directory.
func TestQueues(t *testing.T) {
	for _, order := range []Order{Newest, Nearest, All} {
		v := newTestView(t, order)
		v.Home("pbx-b").SetDistance(90 * time.Millisecond)
		v.Home("pbx-c").SetDistance(9 * time.Millisecond)
		held := map[string]location.Binding{}
		queue := func(home string, cost uint16) {
			b, err := location.Publish(location.Queue, "600", location.Details{By: "queues", Cost: cost})
			if err != nil {
				t.Fatal(err)
			}
			v.Home(home).Apply(record.Version{Epoch: "e", Serial: 2}, nil, []location.Change{{Old: held[home], New: b}})
			held[home] = b
		}
		at := func(want string) {
			t.Helper()
			for _, name := range []string{"600.users", "0.0.6.e164"} {
				if got := sip(v, name); got != want {
					t.Errorf("%s: %s is %s, want %s", order, name, got, want)
				}
			}
		}
		queue("pbx-b", location.QueueEmpty)
		at("600@pbx-b")
		queue("pbx-c", location.QueueEmpty)
		at("600@pbx-c 600@pbx-b") // the nearest first
		publish(t, v, "pbx-b", "entry 600 u=600")
		at("600@pbx-b 600@pbx-c")
		queue("pbx-c", 1)
		at("600@pbx-c")
		queue("pbx-b", 0)
		at("600@pbx-b 600@pbx-c")
		queue("pbx-c", 0)
		at("600@pbx-c 600@pbx-b")
		v.Home("pbx-c").SetReach(view.Gone)
		at("600@pbx-b")
		for _, c := range v.Explain("600.users." + origin).Claims {
			if c.Binding.Kind == location.Entry && c.Rule != RuleFallback || c.Home == "pbx-c" && c.Rule != RuleHidden {
				t.Errorf("explained %+v", c)
			}
		}
	}
}

// TestParked: of calls that are parked under one number on two nodes, the one
// that has waited longest is answered.
func TestParked(t *testing.T) {
	v := newTestView(t, Newest)
	for i, home := range []string{"pbx-b", "pbx-c"} {
		b, err := location.Publish(location.Parked, "701", location.Details{By: "parking"})
		if err != nil {
			t.Fatal(err)
		}
		b.Stamp = location.Stamp(100 + i)
		v.Home(home).Apply(record.Version{Epoch: "e", Serial: 2}, nil, []location.Change{{New: b}})
	}
	if got := sip(v, "701.users"); got != "701@pbx-b 701@pbx-c" {
		t.Errorf("701 is %s", got)
	}
	if c := v.Explain("1.0.7.e164." + origin).Claims; len(c) != 2 || c[0].Rule != RuleOldest || !strings.Contains(c[0].Why, "parked") {
		t.Errorf("explained %+v", c)
	}
	if v.Rival("701") != 0 {
		t.Error("a parked call contests a registration")
	}
}
