package registrations_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami/amitest"
)

// logged is a Config that writes warnings to out.
func logged(out *bytes.Buffer) config {
	return config{User: "fed", FirstRelist: 15 * time.Second,
		Logger: slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelWarn}))}
}

// TestEventFilterIsNoWall: whatever an eventfilter of the manager user hides, a
// restart of Asterisk and the registrations after it are learnt, and the log
// says what is hidden.
func TestEventFilterIsNoWall(t *testing.T) {
	const hidden = "hides ContactStatus"
	for _, c := range []struct {
		name    string
		filters []string
		soon    time.Duration // a registration is known
		said    string
	}{
		{"none", nil, 100 * time.Millisecond, ""},
		{"only ContactStatus", []string{"ContactStatus"}, 100 * time.Millisecond, ""},
		{"only ContactStatus, as a header", []string{"Event: ContactStatus"}, 100 * time.Millisecond, ""},
		{"only PeerStatus", []string{"Event: PeerStatus"}, 100 * time.Millisecond, ""},
		{"only what matches nothing", []string{"nothing"}, 100 * time.Millisecond, ""},
		{"no FullyBooted", []string{"!FullyBooted"}, 100 * time.Millisecond, ""},
		{"only ContactStatus, no FullyBooted", []string{"ContactStatus", "!Event: FullyBooted"}, 100 * time.Millisecond, ""},
		{"no ContactStatus", []string{"!ContactStatus"}, 16 * time.Second, hidden},
		{"nothing at all", []string{"!Event: "}, 16 * time.Second, hidden},
		{"no Shutdown, no Reload", []string{"!Shutdown", "!Reload"}, 100 * time.Millisecond, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log bytes.Buffer
			follow(t, amitest.Config{BootTime: 3 * time.Second}, logged(&log), func(b *bench) {
				if err := b.SetEventFilter(c.filters...); err != nil {
					b.Fatal(err)
				}
				b.Register("1001", uri1, 10*minute)
				b.connect()
				b.rec.take()
				b.Stop()
				b.Unregister("1001", "")
				b.Put(amitest.Contact{AOR: "1002", URI: "sip:1002@192.0.2.2", Expires: time.Now().Add(10 * minute)})
				if err := b.Start(); err != nil {
					b.Fatal(err)
				}
				b.advance(3*time.Second + 5100*time.Millisecond) // the longest time to the next login
				if got := b.rec.take(); !strings.Contains(got, "listed all pjsip [1002 ") || !strings.HasSuffix(got, "status ready") {
					b.Errorf("after the restart:\n%s", indent(got))
				}
				b.Register("1003", "sip:1003@192.0.2.3", 10*minute)
				b.advance(c.soon)
				if got := b.rec.take(); !strings.Contains(got, "1003") {
					b.Errorf("a registration is not known after %v", c.soon)
				}
				b.advance(minute)
				b.rec.take()
				b.Register("1004", "sip:1004@192.0.2.4", 10*minute)
				b.advance(11 * time.Second) // at the latest by the next poll
				if got := b.rec.take(); !strings.Contains(got, "1004") {
					b.Errorf("a later registration is not known after 11 s")
				}
			})
			if said := log.String(); (c.said == "") != !strings.Contains(said, "eventfilter") || !strings.Contains(said, c.said) || strings.Count(said, "eventfilter") > 1 {
				t.Errorf("logged %s", said)
			}
		})
	}
}

// TestRightsAreMended: what the manager user may not do is said at once, and
// once; when manager.conf is mended, that has an effect without a restart of
// either side.
func TestRightsAreMended(t *testing.T) {
	for _, c := range []struct{ name, read, write, said string }{
		{"no read=system", "security", "system", "read=system"},
		{"no write=system", "system", "call", "write=system"},
		{"neither", "call", "call", "read=system"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log bytes.Buffer
			follow(t, amitest.Config{}, logged(&log), func(b *bench) {
				b.SetPermissions(c.read, c.write)
				b.Register("1001", uri1, 10*minute)
				b.connect()
				b.advance(4 * time.Second)
				if !strings.Contains(log.String(), c.said) {
					b.Errorf("4 s after the first login: %q", log.String())
				}
				got := b.rec.take()
				if c.write == "system" && !strings.Contains(got, "listed all pjsip [1001 ") {
					b.Errorf("what may be listed is not:\n%s", indent(got))
				}
				b.advance(5 * minute)
				if n := strings.Count(log.String(), "\n"); n > 2 {
					b.Errorf("%d lines in the log:\n%s", n, log.String())
				}
				b.rec.take()
				b.Register("1002", "sip:1002@192.0.2.2", 10*minute)
				b.advance(11 * time.Second)
				if got := b.rec.take(); c.write == "system" && !strings.Contains(got, "1002") {
					b.Errorf("without events a registration is not known after 11 s:\n%s", indent(got))
				}
				b.SetPermissions("system", "system")
				b.advance(31 * time.Second)
				b.rec.take()
				b.Register("1003", "sip:1003@192.0.2.3", 10*minute)
				b.advance(100 * time.Millisecond)
				if got := b.rec.take(); !strings.Contains(got, "registered 1003 ") {
					b.Errorf("after the rights were mended:\n%s", indent(got))
				}
				b.advance(time.Second)
				n := b.Count("Login")
				b.advance(5 * minute)
				if more := b.Count("Login") - n; more != 0 {
					b.Errorf("%d more logins though nothing lacks", more)
				}
			})
		})
	}
}

// TestShortConnectionsAreRetriedSlowly: an Asterisk that takes a connection and ends it at
// once, whatever it says first, is tried once a second and logged once a minute.
func TestShortConnectionsAreRetriedSlowly(t *testing.T) {
	var log bytes.Buffer
	follow(t, amitest.Config{}, logged(&log), func(b *bench) {
		b.connect()
		for range 600 {
			b.Drop()
			b.advance(100 * time.Millisecond)
		}
		if n := b.Count("Login"); n > 75 {
			b.Errorf("%d logins in a minute", n)
		}
		if n := strings.Count(log.String(), "\n"); n > 2 {
			b.Errorf("%d lines in the log, the first of them:\n%.500s", n, log.String())
		}
	})
}
