package registrations_test

import (
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami/amitest"
	"github.com/asterfed/asterfed/plugin/federation/ami/registrations"
	"github.com/asterfed/asterfed/zone/location"
)

// What a listing after an outage proves: that a contact was registered since a
// moment at which everything of before had been heard, if the same Asterisk
// still runs.
func TestListingAfterOutage(t *testing.T) {
	for name, c := range map[string]struct {
		outage func(b *bench)
		proved bool
	}{
		"the connection was lost": {func(b *bench) { b.Drop() }, true},
		"Asterisk was restarted":  {func(b *bench) { b.Stop(); b.Start() }, false},
		"Asterisk was killed":     {func(b *bench) { b.Kill(); b.Start() }, false},
	} {
		t.Run(name, func(t *testing.T) {
			var kept registrations.Checkpoint
			clock := time.Now
			mark := location.Stamp(0)
			cfg := config{Mark: func() location.Stamp { mark++; return mark }, Keep: func(a registrations.Checkpoint) { kept = a },
				Rivals: func() []location.AOR { return nil }}
			follow(t, amitest.Config{Version: 16}, cfg, func(b *bench) {
				b.ProvisionPeer("SIP", "2001", "")
				began := clock().Add(-time.Hour) // so says the fake of its first run
				b.Put(amitest.Contact{AOR: "1001", URI: uri1, Expires: clock().Add(minute)})
				b.connect()
				if s := b.rec.take(); strings.Contains(s, "since") {
					t.Errorf("the first listing of all proves something:\n%s", s)
				}
				b.advance(20 * time.Second)
				if kept.Mark == 0 || kept.Mark > 16 { // one a second, good after five
					t.Errorf("abreast up to mark %d of %d", kept.Mark, mark)
				}
				if d := kept.Run.Sub(began); d < -time.Second || d > time.Second {
					t.Errorf("run began at %v, want %v", kept.Run, began)
				}
				c.outage(b)
				b.Put(amitest.Contact{AOR: "1002", URI: uri2, Expires: clock().Add(minute)})
				b.PutPeer("SIP", "2001", "192.0.2.7:5060")
				b.PutPeer("SIP", "2002", "192.0.2.8:5060") // never listed without an address
				b.advance(2 * time.Second)
				for line := range strings.Lines(b.rec.take()) {
					for _, uri := range []string{uri2, "sip:2001@192.0.2.7:5060"} {
						if strings.Contains(line, uri) && strings.Contains(line, "listed all") && strings.Contains(line, uri+" until") == (uri == uri2) {
							if got := strings.Contains(line, " since "); got != c.proved {
								t.Errorf("proved %v, want %v: %s", got, c.proved, line)
							}
						}
					}
					if strings.Contains(line, "2002@192.0.2.8:5060 since") {
						t.Errorf("a peer that a database may hold: %s", line)
					}
				}
				b.Reload("chan_sip")
				b.advance(5 * time.Second)
				if s := b.rec.take(); strings.Contains(s, "since") {
					t.Errorf("a later listing proves something:\n%s", s)
				}
			})
		})
	}
}

// A source that begins anew goes on from what was kept for the same run.
func TestListingAfterARestartOfAll(t *testing.T) {
	for name, c := range map[string]struct {
		run  time.Duration // from the real start
		want bool
	}{"the same run": {time.Second, true}, "an earlier one": {-10 * time.Second, false}, "unknown": {-1 << 62, false}} {
		t.Run(name, func(t *testing.T) {
			cfg := config{Before: registrations.Checkpoint{Mark: 7}}
			if c.want || c.run > -minute {
				cfg.Before.Run = time.Date(1999, 12, 31, 23, 0, 0, 0, time.UTC).Add(c.run) // an hour before synctest begins
			}
			follow(t, amitest.Config{}, cfg, func(b *bench) {
				b.Put(amitest.Contact{AOR: "1001", URI: uri1, Expires: time.Now().Add(minute)})
				b.advance(10 * time.Second)
				b.connect()
				if s := b.rec.take(); strings.Contains(s, "since 7") != c.want {
					t.Errorf("proved %v, want %v:\n%s", !c.want, c.want, s)
				}
			})
		})
	}
}

// An AOR that was not permitted before was not passed on, and proves nothing
// when it is.
func TestPermissionProvesNothing(t *testing.T) {
	permitted := false
	cfg := config{Permit: func(location.AOR) bool { return permitted }, Mark: func() location.Stamp { return 1 },
		Rivals: func() []location.AOR { return nil }}
	follow(t, amitest.Config{}, cfg, func(b *bench) {
		b.Put(amitest.Contact{AOR: "1001", URI: uri1, Expires: time.Now().Add(minute)})
		b.connect()
		b.advance(20 * time.Second)
		b.rec.take()
		permitted = true
		b.Drop()
		b.advance(2 * time.Second)
		if s := b.rec.take(); !strings.Contains(s, uri1) || strings.Contains(s, "since") {
			t.Errorf("got:\n%s", s)
		}
	})
}
