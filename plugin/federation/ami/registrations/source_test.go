package registrations_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami/amitest"
	"github.com/asterfed/asterfed/zone/location"
)

const minute = time.Minute

// ready is what a Source says of an Asterisk 22 without contacts.
var ready = []string{
	"status connecting", "status booting", "status listing",
	"listed all pjsip []", "listed all iax2 []", "status ready",
}

// the contacts that the tests register
const (
	uri1 = "sip:1001@192.0.2.1:1"
	uri2 = "sip:1001@192.0.2.1:2"
)

func (b *bench) ready() {
	b.Helper()
	b.connect()
	b.expect(ready...)
}

func TestFirstRegisterMakesAUser(t *testing.T) {
	follow(t, amitest.Config{}, config{}, func(b *bench) {
		b.ready()
		b.Register("1001", uri1, minute)
		b.expect("registered 1001 pjsip "+uri1+" until 1m0s",
			"listed 1001 pjsip [1001 "+uri1+" until 1m0s]")
		if n := b.Count("PJSIPShowEndpoint"); n != 1 {
			b.Errorf("asked %d times for one event", n)
		}
	})
}

func TestKnownUserIsAnnouncedAtOnce(t *testing.T) {
	follow(t, amitest.Config{}, config{}, func(b *bench) {
		b.Put(amitest.Contact{AOR: "1001", URI: uri1, Expires: time.Now().Add(minute)})
		b.connect()
		b.rec.take()
		b.Unregister("1001", uri1)
		b.expect("removed 1001 pjsip " + uri1)
		b.Register("1001", uri2, minute)
		b.expect("registered 1001 pjsip " + uri2)
		b.advance(200 * time.Millisecond) // the expiry is learnt in the background
		b.expect("listed 1001 pjsip [1001 " + uri2 + " until 1m0s]")
	})
}

func TestRefreshIsNoNews(t *testing.T) {
	follow(t, amitest.Config{}, config{}, func(b *bench) {
		b.Register("1001", uri1, minute)
		b.connect()
		b.rec.take()
		b.advance(30 * time.Second)
		b.Refresh("1001", uri1, minute)
		b.advance(29 * time.Second)
		b.expect("")
		b.advance(2 * time.Second) // past the first expiry: the look finds the new one
		b.expect("listed 1001 pjsip [1001 " + uri1 + " until 1m30s]")
	})
}

func TestReplacement(t *testing.T) {
	follow(t, amitest.Config{}, config{}, func(b *bench) {
		b.Register("1001", uri1, minute)
		b.connect()
		b.rec.take()
		b.Register("1001", uri2, minute)
		b.expect("registered 1001 pjsip "+uri2, "removed 1001 pjsip "+uri1)
		b.advance(time.Second)
		b.expect("listed 1001 pjsip [1001 " + uri2 + " until 1m0s]")
	})
}

func TestExpiryIsNoticedBeforeAsteriskDoes(t *testing.T) {
	follow(t, amitest.Config{}, config{}, func(b *bench) {
		b.Register("1001", uri1, 3*time.Second)
		b.connect()
		b.rec.take()
		b.advance(3100 * time.Millisecond)
		b.expect("")
		b.advance(300 * time.Millisecond)
		b.expect("listed 1001 pjsip []")
		b.advance(40 * time.Second) // Asterisk checks every 30 s
		b.expect("listed 1001 pjsip []", "listed 1001 pjsip []", "listed 1001 pjsip []",
			"listed 1001 pjsip []", "removed 1001 pjsip "+uri1)
		b.advance(4 * minute)
		b.expect("") // and it is looked at no more
	})
}

func TestLateRefreshRevivesALapsedContact(t *testing.T) {
	follow(t, amitest.Config{}, config{}, func(b *bench) {
		b.Register("1001", uri1, 3*time.Second)
		b.connect()
		b.advance(3500 * time.Millisecond)
		b.rec.take()
		b.Refresh("1001", uri1, minute) // Asterisk still has the contact: no event
		b.advance(time.Second)
		b.expect("registered 1001 pjsip "+uri1+" until 1m3s",
			"listed 1001 pjsip [1001 "+uri1+" until 1m3s]")
	})
}

func TestSeveralContacts(t *testing.T) {
	follow(t, amitest.Config{MaxContacts: 2}, config{}, func(b *bench) {
		b.Register("1001", uri1, minute)
		b.Register("1001", uri2, minute)
		b.connect()
		b.advance(time.Second)
		b.rec.take()
		b.Unregister("1001", uri1)
		b.expect("removed 1001 pjsip " + uri1)
		b.Register("1001", uri1, 10*time.Second)
		b.advance(11 * time.Second)
		b.expect("registered 1001 pjsip "+uri1,
			"listed 1001 pjsip [1001 "+uri1+" until 11s, 1001 "+uri2+" until 1m0s]",
			"listed 1001 pjsip [1001 "+uri2+" until 1m0s]")
	})
}

func TestTrunksAreNotUsers(t *testing.T) {
	follow(t, amitest.Config{}, config{}, func(b *bench) {
		b.ready()
		b.Put(amitest.Contact{AOR: "carrier", URI: "sip:192.0.2.99", Permanent: true})
		b.Qualify("carrier", "sip:192.0.2.99", "NonQualified")
		b.Qualify("carrier", "sip:192.0.2.99", "Reachable")
		b.advance(10 * minute)
		b.expect("listed all pjsip []", "listed all iax2 []", "listed all pjsip []", "listed all iax2 []")
	})
}

func TestQualifyIsNoRegistration(t *testing.T) {
	follow(t, amitest.Config{}, config{}, func(b *bench) {
		b.Register("1001", uri1, minute)
		b.connect()
		b.advance(10 * time.Second)
		b.rec.take()
		b.Qualify("1001", uri1, "Unreachable")
		b.Qualify("1001", uri1, "Reachable")
		b.expect("")
		// A reload that ends qualification looks like a new contact.
		b.Qualify("1001", uri1, "NonQualified")
		b.advance(time.Second)
		b.expect("listed 1001 pjsip [1001 " + uri1 + " until 1m0s]")
	})
}

func TestReloadListsEverything(t *testing.T) {
	follow(t, amitest.Config{}, config{}, func(b *bench) {
		b.ready()
		b.Put(amitest.Contact{AOR: "1001", URI: uri1, Expires: time.Now().Add(minute)})
		b.Reload("res_pjsip.so")
		b.advance(time.Second)
		b.expect("listed all pjsip [1001 "+uri1+" until 1m0s]", "listed all iax2 []")
	})
}

func TestSlowRelist(t *testing.T) {
	follow(t, amitest.Config{}, config{Relist: minute}, func(b *bench) {
		b.ready()
		b.advance(61 * time.Second)
		b.expect("listed all pjsip []", "listed all iax2 []")
	})
}

func TestHostileAORs(t *testing.T) {
	follow(t, amitest.Config{}, config{}, func(b *bench) {
		b.ready()
		for _, aor := range []string{"x&PJSIP/trunk/900", "x,30,U(evil)", "a b", "_sip", "x@h"} {
			b.Register(aor, "sip:x@192.0.2.1", minute)
			b.Refresh(aor, "sip:x@192.0.2.1", minute)
		}
		b.Register("1001", uri1, minute)
		b.advance(6 * minute)
		if got := b.rec.take(); containsAny(got, "x&", "x,", "a b", "_sip", "x@h") {
			b.Errorf("passed on:\n%s", got)
		}
		if n := b.src.Stats().RefusedAORs; n != 5 {
			b.Errorf("counted %d refused AORs, want 5", n)
		}
	})
}

func TestPermit(t *testing.T) {
	cfg := config{Permit: func(a location.AOR) bool { return a == "1001" }}
	follow(t, amitest.Config{}, cfg, func(b *bench) {
		b.ready()
		b.Register("1002", "sip:1002@192.0.2.1", minute)
		b.Register("1001", uri1, minute)
		b.Reload("All")
		b.advance(time.Second)
		b.expect("registered 1001 pjsip "+uri1+" until 1m0s",
			"listed 1001 pjsip [1001 "+uri1+" until 1m0s]",
			"listed all pjsip [1001 "+uri1+" until 1m0s]", "listed all iax2 []")
	})
}

// A connection over which nothing comes costs next to nothing: between two
// pings there is nothing to wake up for but the question for rivals.
func TestNothingToDoIsNoWork(t *testing.T) {
	var looks atomic.Int64
	cfg := config{
		Now:    func() time.Time { looks.Add(1); return time.Now() },
		Rivals: func() []location.AOR { return nil }, RivalInterval: time.Second,
	}
	follow(t, amitest.Config{}, cfg, func(b *bench) {
		b.Register("1001", uri1, time.Hour)
		b.connect()
		b.rec.take()
		b.Garbage([]byte("Event: Reload\r\nModule: all\r\n\r\nEvent: Registry\r\nStatus: Registered\r\n\r\n"))
		b.advance(10 * time.Second)
		looks.Store(0)
		b.advance(time.Minute)
		if n := looks.Load(); n > 500 {
			b.Errorf("%d looks at the clock in an idle minute", n)
		}
	})
}
