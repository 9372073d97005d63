package answer

import (
	"log/slog"
	"math"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/primary"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
)

// skewWorld is the view of pbx-a, its primary, and what time it is.
type skewWorld struct {
	t   *testing.T
	v   *Zone
	p   *primary.Primary
	now time.Time
}

func newSkewWorld(t *testing.T) *skewWorld {
	w := &skewWorld{t: t, now: time.UnixMilli(1_700_000_000_000)}
	clock := func() time.Time { return w.now }
	w.v = New(Config{Order: Newest}, view.New(view.Config{Origin: origin, Self: "pbx-a", TTL: 5 * time.Second, Now: clock}))
	node := record.Node{State: record.Up, SIP: []record.Transport{{Proto: "udp", Port: 5060}}}
	for _, n := range []string{"pbx-b", "pbx-z"} {
		w.v.Home(n).Apply(record.Version{Epoch: "e", Serial: 1}, &node, nil)
	}
	node.Name = "pbx-a"
	w.p = primary.New(primary.Config{Zone: w.v.Own(), Clock: location.NewClock(clock), Node: node, Logger: slog.New(slog.DiscardHandler)})
	w.v.SetSettled(true)
	return w
}

func (w *skewWorld) pass(d time.Duration) { w.now = w.now.Add(d) }

func (w *skewWorld) at(d time.Duration) location.Stamp {
	return location.Stamp(w.now.Add(d).UnixMilli()) << 16
}

func (w *skewWorld) claim(node, aor string, s location.Stamp) {
	w.v.Home(node).Apply(record.Version{Epoch: "e", Serial: 2}, nil, []location.Change{bind(aor, 7, uint64(s))})
}

// register is a REGISTER at pbx-a; it returns the stamp of the claim.
func (w *skewWorld) register(aor string) location.Stamp {
	w.t.Helper()
	if _, err := w.p.Update(func(s *location.Store) []location.Change {
		return s.Register(location.Contact{AOR: location.AOR(aor), Kind: location.PJSIP, URI: "sip:" + aor})
	}); err != nil {
		w.t.Fatal(err)
	}
	for _, b := range w.v.Home("pbx-a").Users(aor) {
		return b.Stamp
	}
	w.t.Fatalf("%s is not registered", aor)
	return 0
}

func (w *skewWorld) first(name, want string) {
	w.t.Helper()
	for _, q := range []string{name + ".users.", record.ENUM(name) + "e164."} {
		res := w.v.Lookup("_sip._udp."+q+origin, dns.TypeSRV)
		if q != name+".users." {
			res = w.v.Lookup(q+origin, dns.TypeNAPTR)
		}
		if len(res.Answer) == 0 {
			w.t.Fatalf("%s has no answer", q)
		}
		got := ""
		switch rr := res.Answer[0].(type) {
		case *dns.SRV:
			got = rr.Target
		case *dns.NAPTR:
			got = rr.Regexp[len("!^.*$!sip:"+name+"@") : len(rr.Regexp)-1]
			got += "."
		}
		if got != record.NodeName(want, origin) {
			w.t.Errorf("%s is first at %s, want %s", q, got, want)
		}
	}
}

// A stamp that nobody can have issued ranks as of when it came: who registers
// elsewhere afterwards is there, with a stamp of now.
func TestImpossibleStamps(t *testing.T) {
	for _, false := range []location.Stamp{math.MaxUint64, math.MaxUint64 - 1, 0xffff << 48} {
		w := newSkewWorld(t)
		w.register("1001")
		w.pass(time.Second)
		w.claim("pbx-z", "1001", false)
		w.claim("pbx-z", "+1001", false)
		w.first("1001", "pbx-z") // it may be the truth
		if got := w.v.Contested(); len(got) != 1 {
			t.Errorf("contested are %v, want 1001", got)
		}
		for range 3 {
			w.pass(time.Minute)
			if s := w.register("1001"); s.Time().After(w.now.Add(location.MaxSkew)) {
				t.Errorf("a stamp of %v was issued at %v", s.Time(), w.now)
			}
			w.first("1001", "pbx-a")
			if got := w.v.Contested(); len(got) != 0 {
				t.Errorf("contested are %v after the return", got)
			}
			// The same claim, transferred again, is no news.
			w.v.Home("pbx-z").Replace(record.Version{Epoch: "e", Serial: 3}, nil, []location.Binding{binding("1001", 7, uint64(false)), binding("+1001", 7, uint64(false))})
			w.first("1001", "pbx-a")
		}
		w.pass(time.Minute)
		w.claim("pbx-b", "1001", w.at(0))
		w.first("1001", "pbx-b")
		w.v.Home("pbx-z").SetReach(view.Gone)
		w.first("1001", "pbx-b")
		w.pass(time.Minute)
		w.register("1001")
		w.first("1001", "pbx-a")
	}
}

// A node whose clock is wrong has users who come and go as those of others.
func TestUsersOfAFastClock(t *testing.T) {
	w := newSkewWorld(t)
	for range 3 {
		w.register("1001")
		w.first("1001", "pbx-a")
		w.pass(2 * time.Second)
		w.claim("pbx-z", "1001", w.at(time.Hour))
		w.first("1001", "pbx-z")
		w.pass(2 * time.Second)
	}
	w.register("1001")
	w.pass(2 * time.Hour) // what was to come has passed
	w.first("1001", "pbx-a")
}

// Digests are of stamps as they were issued: what is held is what is told.
func TestDigestOfImpossibleStamps(t *testing.T) {
	w, x := newSkewWorld(t), newSkewWorld(t)
	w.claim("pbx-z", "1001", math.MaxUint64)
	x.pass(time.Hour)
	x.v.Home("pbx-z").Replace(record.Version{Epoch: "e", Serial: 2}, nil, []location.Binding{binding("1001", 7, math.MaxUint64)})
	if a, b := w.v.Home("pbx-z").Digest(), x.v.Home("pbx-z").Digest(); a != b || a.Bindings != 1 {
		t.Errorf("digests are %v and %v", a, b)
	}
}
