package location

import (
	"testing"
	"time"
)

type world struct {
	t     *testing.T
	now   time.Time
	rival Stamp
	s     *Store
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, now: time.UnixMilli(1_000_000_000_000)}
	w.s = NewStore(NewClock(func() time.Time { return w.now }), func(AOR) Stamp { return w.rival })
	return w
}

func (w *world) contact(uri string, expires int) Contact {
	c := Contact{AOR: "1001", Kind: PJSIP, URI: uri}
	if expires > 0 {
		c.Expires = w.now.Add(time.Duration(expires) * time.Second)
	}
	return c
}

func (w *world) want(got []Change, n int, stamped bool) {
	w.t.Helper()
	if len(got) != n {
		w.t.Fatalf("got %d changes, want %d: %v", len(got), n, got)
	}
	for _, c := range got {
		if c.New.AOR != "" && (c.New.Stamp != 0) != stamped {
			w.t.Errorf("stamp is %v, want stamped=%v", c.New.Stamp, stamped)
		}
	}
}

func TestOnlyRegisterStamps(t *testing.T) {
	w := newWorld(t)
	w.want(w.s.Register(w.contact("sip:a", 0)), 1, true)
	w.want(w.s.Register(w.contact("sip:a", 0)), 0, true) // a refresh is no news
	w.want(observe(w.s, w.contact("sip:a", 60)), 0, true)
	w.now = w.now.Add(30 * time.Second)
	w.want(observe(w.s, w.contact("sip:a", 60)), 0, true)
	w.want(observe(w.s, w.contact("sip:b", 60)), 1, false) // first seen in a listing
	if w.s.Len() != 2 {
		t.Errorf("Len is %d, want 2", w.s.Len())
	}
}

func TestListedContactIsStampedWhenItsExpiryAdvances(t *testing.T) {
	w := newWorld(t)
	w.want(observe(w.s, w.contact("sip:a", 60)), 1, false)
	w.want(observe(w.s, w.contact("sip:a", 60)), 0, false)
	w.now = w.now.Add(time.Second)
	w.want(observe(w.s, w.contact("sip:a", 60)), 1, true)
}

// A user goes A→B→A with the same contact: A sees no event, only an expiry
// that advances after B's claim.
func TestReturnRestamps(t *testing.T) {
	w := newWorld(t)
	w.want(w.s.Register(w.contact("sip:a", 0)), 1, true)
	first := w.s.Bindings()[0].Stamp
	w.now = w.now.Add(50 * time.Second)
	w.rival = first + 1<<20
	// The first listing after the rival's claim may show a refresh that was
	// before it: it proves nothing.
	w.want(observe(w.s, w.contact("sip:a", 60)), 0, true)
	w.want(observe(w.s, Contact{AOR: "1001", Kind: PJSIP, URI: "sip:a", Expires: w.now.Add(time.Minute)}), 0, true)
	w.now = w.now.Add(5 * time.Second)
	got := observe(w.s, w.contact("sip:a", 60))
	w.want(got, 1, true)
	if got[0].New.Stamp <= w.rival {
		t.Errorf("stamp %v does not beat the rival's %v", got[0].New.Stamp, w.rival)
	}
	w.now = w.now.Add(5 * time.Second)
	w.want(observe(w.s, w.contact("sip:a", 60)), 0, true)
}

func TestRestoredContactStealsNobody(t *testing.T) {
	w := newWorld(t)
	w.rival = Stamp(w.now.UnixMilli()) << 16
	old := Binding{AOR: "1001", Kind: PJSIP, Contact: w.contact("sip:a", 0).ID(), Stamp: 7}
	w.s.Restore(old)
	expires := w.now.Add(time.Hour)
	for range 3 { // stale, but still listed by the registrar
		w.want(w.s.Sweep(PJSIP, List(Contact{AOR: "1001", Kind: PJSIP, URI: "sip:a", Expires: expires})), 0, true)
		w.now = w.now.Add(time.Second)
	}
	if got := w.s.Bindings(); len(got) != 1 || got[0] != old {
		t.Errorf("bindings are %v, want %v untouched", got, old)
	}
}

func TestSweepRemovesWhatIsNotListed(t *testing.T) {
	w := newWorld(t)
	w.s.Register(w.contact("sip:a", 0))
	w.s.Register(Contact{AOR: "1003", Kind: IAX2, URI: "iax2:x"})
	w.want(w.s.Sweep(PJSIP, List()), 1, false)
	if w.s.Has("1001") || !w.s.Has("1003") {
		t.Error("a sweep of one technology must leave the others alone")
	}
	w.want(w.s.RemoveAOR("1003", IAX2), 1, false)
	if w.s.Len() != 0 {
		t.Errorf("Len is %d, want 0", w.s.Len())
	}
}

func TestReplacementAddsBeforeItRemoves(t *testing.T) {
	w := newWorld(t)
	w.s.Register(w.contact("sip:a", 0))
	got := w.s.ObserveAOR("1001", PJSIP, []Contact{w.contact("sip:b", 60)})
	w.want(got, 2, false)
	if got[0].New.AOR == "" || got[1].New.AOR != "" {
		t.Errorf("changes are %v: want the addition first", got)
	}
}

func TestRecover(t *testing.T) {
	w := newWorld(t)
	observe(w.s, w.contact("sip:a", 60))
	kept := Binding{AOR: "1001", Kind: PJSIP, Contact: w.contact("sip:a", 0).ID(), Stamp: 9}
	w.want(w.s.Recover(kept, true), 1, true)
	gone := Binding{AOR: "1002", Kind: PJSIP, Contact: 5, Stamp: 9}
	w.want(w.s.Recover(gone, true), 0, true) // listed since, and not there
	w.want(w.s.Recover(gone, false), 1, true)
}

func TestClock(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	c := NewClock(func() time.Time { return now })
	a := c.Next(0)
	if b := c.Next(0); b <= a {
		t.Errorf("stamps %v, %v do not grow", a, b)
	}
	now = now.Add(-time.Hour) // the clock is set back
	if b := c.Next(0); b <= a {
		t.Errorf("stamp %v after the clock went back, want above %v", b, a)
	}
	now = time.UnixMilli(1_700_000_000_000)
	far := Stamp(now.Add(time.Hour).UnixMilli()) << 16
	if c.Observe(far) {
		t.Error("a stamp an hour ahead was taken for good")
	}
	if b := c.Next(0); b >= far {
		t.Errorf("a foreign clock dragged this one to %v", b.Time())
	}
	near := Stamp(now.Add(30*time.Second).UnixMilli()) << 16
	if !c.Observe(near) || c.Next(0) <= near {
		t.Error("a stamp within MaxSkew must move the clock")
	}
}

// Observing many is observing each.
func TestObserveAll(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	at := func(d time.Duration) Binding { return Binding{Stamp: Stamp(now.Add(d).UnixMilli())<<16 | 9} }
	all := []Binding{{}, at(-time.Hour), at(MaxSkew), at(MaxSkew + time.Millisecond), at(time.Hour), at(time.Second)}
	one, many := NewClock(func() time.Time { return now }), NewClock(func() time.Time { return now })
	ahead := 0
	for _, b := range all {
		if !one.Observe(b.Stamp) {
			ahead++
		}
	}
	if n, first := many.ObserveAll(all); n != ahead || n != 2 || first != all[3] {
		t.Errorf("%d ahead, first %v; want %d, first %v", n, first, ahead, all[3])
	}
	if got, want := many.Next(0), one.Next(0); got != want {
		t.Errorf("clock goes on with %v, want %v", got, want)
	}
}

func TestParseAOR(t *testing.T) {
	for _, s := range []string{"1001", "alice", "Alice.Smith", "alice_b", "+97231234000", "a-b"} {
		if _, err := ParseAOR(s); err != nil {
			t.Errorf("ParseAOR(%q): %v", s, err)
		}
	}
	for _, s := range []string{"", "x@h&PJSIP/trunk/900", "x,30,U(s)", "a b", "a..b", ".a", "a.", "_sip", "a._udp", "a!b",
		"a\\b", "a\"b", "é", "a;b", "a=b", string(make([]byte, 200))} {
		if a, err := ParseAOR(s); err == nil {
			t.Errorf("ParseAOR(%q) = %q, want an error", s, a)
		}
	}
}

func TestNumber(t *testing.T) {
	for in, want := range map[AOR]string{"1001": "1001", "+972": "972", "alice": "", "+": "", "10a": ""} {
		got, ok := in.Number()
		if got != want || ok != (want != "") {
			t.Errorf("%q.Number() = %q, %v; want %q", in, got, ok, want)
		}
	}
}

// observe is a listing of one contact that says nothing of others.
func observe(s *Store, c Contact) []Change { return s.listing(List(c)) }
