package registrations_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami"
	"github.com/asterfed/asterfed/plugin/federation/ami/amitest"
	"github.com/asterfed/asterfed/plugin/federation/ami/registrations"
	"github.com/asterfed/asterfed/zone/location"
)

// record is a Listener that writes down what it is told, one line a call.
type record struct {
	mu    sync.Mutex
	lines []string
	start time.Time
	last  ami.Status
	// timed lines begin with the seconds since start.
	timed bool
}

func (r *record) add(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	line := fmt.Sprintf(format, args...)
	if r.timed {
		line = fmt.Sprintf("%6.1f %s", time.Since(r.start).Seconds(), line)
	}
	r.lines = append(r.lines, line)
}

func (r *record) contact(c location.Contact) string {
	s := c.URI
	if !c.Expires.IsZero() {
		s += fmt.Sprintf(" until %v", c.Expires.Sub(r.start).Round(time.Second))
	}
	if c.Since != 0 {
		s += fmt.Sprintf(" since %d", uint64(c.Since))
	}
	return s
}

func (r *record) list(list []location.Contact) string {
	if len(list) > 20 {
		return fmt.Sprintf("%d contacts", len(list))
	}
	out := make([]string, len(list))
	for i, c := range list {
		out[i] = string(c.AOR) + " " + r.contact(c)
	}
	sort.Strings(out)
	return "[" + strings.Join(out, ", ") + "]"
}

func (r *record) Registered(c location.Contact) {
	r.add("registered %s %v %s", c.AOR, c.Kind, r.contact(c))
}

func (r *record) ListedAOR(a location.AOR, t location.Kind, list []location.Contact) {
	r.add("listed %s %v %s", a, t, r.list(list))
}

func (r *record) ListedAll(t location.Kind, list location.Listing) {
	r.add("listed all %v %s", t, r.list(slices.Collect(list.All)))
}

func (r *record) Removed(a location.AOR, t location.Kind, uri string) {
	r.add("removed %s %v %s", a, t, uri)
}

func (r *record) status(st ami.Status) {
	line := "status " + st.State.String()
	if st.Shutdown {
		line += " shutdown"
	}
	if st.Err != nil && !st.Shutdown {
		line += ": " + st.Err.Error()
	}
	r.add("%s", line)
	r.mu.Lock()
	r.last = st
	r.mu.Unlock()
}

// take returns what was recorded since the last take.
func (r *record) take() string {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	out := strings.Join(r.lines, "\n")
	r.lines = nil
	return out
}

// config is what tests choose of the configurations of a Source and a Client.
type config struct {
	User, Secret        string
	Rivals              func() []location.AOR
	RivalInterval       time.Duration
	Held                func(location.Kind) int
	Mark                func() location.Stamp
	Keep                func(registrations.Checkpoint)
	Before              registrations.Checkpoint
	Relist, FirstRelist time.Duration
	Permit              func(location.AOR) bool
	Former              func(string) bool
	Logger              *slog.Logger
	Now                 func() time.Time
}

// bench is a fake Asterisk and a Source that follows it, in a bubble of time.
type bench struct {
	*testing.T
	*amitest.Server
	rec *record
	src *registrations.Source
	// client has src for its part.
	client *ami.Client
	// connect starts the Source; what f does before is there already.
	connect func()
}

// follow runs f beside a Source on a fake Asterisk, in fake time.
func follow(t *testing.T, ast amitest.Config, cfg config, f func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ast.Addr = "-"
		ast.OnError = func(err error) { t.Errorf("fake Asterisk: %v", err) }
		srv, err := amitest.New(ast)
		if err != nil {
			t.Fatal(err)
		}
		rec := &record{start: time.Now()}
		if cfg.FirstRelist == 0 {
			cfg.FirstRelist = 5 * time.Minute // most tests are about events and single listings
		}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		b := &bench{T: t, Server: srv, rec: rec}
		b.src = registrations.New(registrations.Config{Listener: rec, Rivals: cfg.Rivals, RivalInterval: cfg.RivalInterval, Held: cfg.Held,
			Mark: cfg.Mark, Keep: cfg.Keep, Before: cfg.Before, Relist: cfg.Relist, FirstRelist: cfg.FirstRelist, Permit: cfg.Permit, Former: cfg.Former,
			Logger: cfg.Logger, Now: cfg.Now})
		b.client = ami.New(ami.Config{User: cfg.User, Secret: cfg.Secret, Report: rec.status, Logger: cfg.Logger, Dial: srv.Dial, Now: cfg.Now}, b.src)
		b.connect = func() {
			wg.Go(func() { b.client.Run(ctx) })
			synctest.Wait()
		}
		defer func() {
			cancel()
			wg.Wait()
			srv.Close()
		}()
		f(b)
	})
}

// advance lets the time pass.
func (b *bench) advance(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// expect compares what the Listener was told since the last call.
func (b *bench) expect(want ...string) {
	b.Helper()
	if got, want := b.rec.take(), strings.Join(want, "\n"); got != want {
		b.Errorf("got:\n%s\nwant:\n%s", indent(got), indent(want))
	}
}

func indent(s string) string { return "\t" + strings.ReplaceAll(s, "\n", "\n\t") }
