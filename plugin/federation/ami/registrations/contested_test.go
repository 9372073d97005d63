package registrations_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami/amitest"
	"github.com/asterfed/asterfed/zone/location"
)

func rivals(aors ...location.AOR) func() []location.AOR {
	return func() []location.AOR { return aors }
}

func TestRivalsAreListedAgain(t *testing.T) {
	follow(t, amitest.Config{}, config{Rivals: rivals("1001", "nobody")}, func(b *bench) {
		b.ready()
		b.Register("1001", uri1, minute)
		b.rec.take()
		b.Refresh("1001", uri1, 2*minute) // the phone came back: no event
		b.advance(1100 * time.Millisecond)
		b.expect("listed 1001 pjsip [1001 " + uri1 + " until 2m0s]")
	})
}

func TestHintsShortenTheWait(t *testing.T) {
	cfg := config{Rivals: rivals("1001"), RivalInterval: 10 * time.Second}
	follow(t, amitest.Config{Chatty: true}, cfg, func(b *bench) {
		b.Register("1001", uri1, minute)
		b.connect()
		b.advance(11 * time.Second)
		b.rec.take()
		b.Refresh("1001", uri1, 2*minute)
		b.advance(150 * time.Millisecond)
		b.expect("listed 1001 pjsip [1001 " + uri1 + " until 2m11s]")
		b.advance(time.Second)
		b.expect("listed 1001 pjsip [1001 " + uri1 + " until 2m11s]")
	})
}

func TestRecheck(t *testing.T) {
	follow(t, amitest.Config{}, config{}, func(b *bench) {
		b.Provision("1002")
		b.Register("1001", uri1, minute)
		b.connect()
		b.rec.take()
		b.src.Recheck("1001")
		b.expect("listed 1001 pjsip [1001 " + uri1 + " until 1m0s]")
		b.src.Recheck("1002")
		b.expect("listed 1002 pjsip []")
	})
}

func TestManyRivalsAreOneListing(t *testing.T) {
	var all []location.AOR
	cfg := config{Rivals: func() []location.AOR { return all }}
	follow(t, amitest.Config{}, cfg, func(b *bench) {
		for i := range 100 {
			aor := location.AOR(rune('a'+i/26)) + location.AOR(rune('a'+i%26))
			all = append(all, aor)
			b.Put(amitest.Contact{AOR: string(aor), URI: "sip:" + string(aor) + "@192.0.2.1", Expires: time.Now().Add(minute)})
		}
		b.connect()
		b.rec.take()
		b.advance(1100 * time.Millisecond)
		b.expect("listed all pjsip 100 contacts")
		if n := b.Count("PJSIPShowEndpoint"); n != 0 {
			b.Errorf("%d listings of single AORs", n)
		}
	})
}

func TestEndpointNamedUnlikeItsAOR(t *testing.T) {
	follow(t, amitest.Config{}, config{}, func(b *bench) {
		b.ready()
		b.RegisterContact(amitest.Contact{AOR: "1001", Endpoint: "desk-7", URI: uri1, Expires: time.Now().Add(minute)})
		b.rec.take()
		b.src.Recheck("1001")
		b.expect("listed 1001 pjsip [1001 " + uri1 + " until 1m0s]")
		for _, a := range b.Actions() {
			if a.Name() == "PJSIPShowEndpoint" && a.Get("Endpoint") != "desk-7" {
				b.Errorf("asked for endpoint %q", a.Get("Endpoint"))
			}
		}
	})
}

// A database of contacts that several Asterisks share lists them all; only
// RegServer tells which are ours.
func TestSharedDatabase(t *testing.T) {
	follow(t, amitest.Config{SystemName: "a", Realtime: true, MaxContacts: 2}, config{}, func(b *bench) {
		until := time.Now().Add(10 * minute)
		b.Put(amitest.Contact{AOR: "1001", URI: uri1, Expires: until, RegServer: "a"},
			amitest.Contact{AOR: "1002", URI: "sip:1002@192.0.2.2", Expires: until, RegServer: "b"})
		b.connect()
		b.expect("status connecting", "status booting", "status listing",
			"listed all pjsip [1001 "+uri1+" until 10m0s]", "listed all iax2 []", "status ready")

		// What the other one holds for our user stays out as well.
		b.Put(amitest.Contact{AOR: "1001", URI: uri2, Expires: until, RegServer: "b"})
		b.src.Recheck("1001")
		b.advance(time.Second)
		b.expect("listed all pjsip [1001 " + uri1 + " until 10m0s]")
		// A REGISTER here is told from one there by the listing.
		b.Register("1003", "sip:1003@192.0.2.3", 5*minute)
		b.Put(amitest.Contact{AOR: "1004", URI: "sip:1004@192.0.2.4", Expires: until, RegServer: "b"})
		b.Qualify("1004", "sip:1004@192.0.2.4", "NonQualified")
		b.advance(time.Second)
		got := b.rec.take()
		if !containsAny(got, "registered 1003 pjsip sip:1003@192.0.2.3") || containsAny(got, "1004", "1002") {
			b.Errorf("got:\n%s", indent(got))
		}
		if n := b.Count("PJSIPShowEndpoint"); n != 0 {
			b.Errorf("%d listings of single AORs", n)
		}
	})
}

// TestOthersAreNotAnnounced: when somebody lists contacts on the command line of
// Asterisk, it announces those that other Asterisks have put into the database
// they share, with nothing to tell whose they are.
func TestOthersAreNotAnnounced(t *testing.T) {
	follow(t, amitest.Config{SystemName: "a", Realtime: true, MaxContacts: 2}, config{Rivals: rivals("1001")}, func(b *bench) {
		until := time.Now().Add(10 * minute)
		b.Register("1001", uri1, 10*minute)
		b.connect()
		b.advance(time.Second)
		b.rec.take()
		b.Put(amitest.Contact{AOR: "1002", URI: "sip:1002@192.0.2.2", Expires: until, RegServer: "b"}, // a stranger
			amitest.Contact{AOR: "1001", URI: uri2, Expires: until, RegServer: "b"}) // a user of ours, who registered there
		b.Qualify("1002", "sip:1002@192.0.2.2", "NonQualified")
		b.Qualify("1001", uri2, "NonQualified")
		b.src.Recheck("1001")
		b.advance(30 * time.Second)
		if got := b.rec.take(); containsAny(got, "1002", uri2) {
			b.Errorf("published as registered here:\n%s", indent(got))
		}
		b.Register("1003", "sip:1003@192.0.2.3", 5*minute) // and this one is
		b.advance(time.Second)
		if got := b.rec.take(); !containsAny(got, "registered 1003 pjsip sip:1003@192.0.2.3") {
			b.Errorf("got:\n%s", indent(got))
		}
	})
}

// TestEarlierSystemName: without a database, all contacts were registered here,
// also those that carry an earlier systemname.
func TestEarlierSystemName(t *testing.T) {
	var log bytes.Buffer
	for _, realtime := range []bool{false, true} {
		follow(t, amitest.Config{SystemName: "new", Realtime: realtime}, logged(&log), func(b *bench) {
			b.Put(amitest.Contact{AOR: "1001", URI: uri1, Expires: time.Now().Add(10 * minute), RegServer: "old"})
			b.connect()
			if got := b.rec.take(); containsAny(got, "1001 "+uri1) == realtime {
				b.Errorf("realtime %v:\n%s", realtime, indent(got))
			}
		})
	}
}

// TestFormerSystemName: contacts of a database that carry a name which this Asterisk
// had before are its own; those of others stay left out, and the log has both.
func TestFormerSystemName(t *testing.T) {
	var log bytes.Buffer
	cfg := config{Logger: slog.New(slog.NewTextHandler(&log, nil))}
	cfg.Former = func(name string) bool { return name == "pbx-c" }
	follow(t, amitest.Config{SystemName: "pbx-d", Realtime: true}, cfg, func(b *bench) {
		until := time.Now().Add(10 * minute)
		for _, aor := range []string{"1001", "1002", "1003", "1004", "1005"} {
			b.Put(amitest.Contact{AOR: aor, URI: "sip:" + aor + "@192.0.2.1", Expires: until, RegServer: "pbx-c"})
		}
		b.Put(amitest.Contact{AOR: "2001", URI: "sip:2001@192.0.2.2", Expires: until, RegServer: "pbx-b"})
		b.connect()
		got := b.rec.take()
		if !containsAny(got, "1005 sip:1005@192.0.2.1") || containsAny(got, "2001 sip:2001@192.0.2.2") {
			b.Errorf("got:\n%s", indent(got))
		}
	})
	for _, want := range []string{"they are its own\"", "regserver=pbx-c systemname=pbx-d contacts=5", "are left out\"", "regserver=pbx-b systemname=pbx-d contacts=1"} {
		if strings.Count(log.String(), want) != 1 {
			t.Errorf("log lacks %q:\n%s", want, log.String())
		}
	}
}

// TestExpiriesInASharedDatabase: they cost a full listing every five seconds at
// most, however many contacts there are.
func TestExpiriesInASharedDatabase(t *testing.T) {
	follow(t, amitest.Config{SystemName: "a", Realtime: true, CheckInterval: time.Hour}, config{}, func(b *bench) {
		all := many(300, time.Now())
		for i, c := range all {
			c.Expires = time.Now().Add(time.Duration(i+10) * time.Second)
			b.Put(c)
		}
		b.connect()
		n := b.Count("PJSIPShowContacts")
		b.advance(100 * time.Second)
		if n = b.Count("PJSIPShowContacts") - n; n < 10 || n > 20 {
			b.Errorf("%d full listings in 100 s", n)
		}
	})
}
