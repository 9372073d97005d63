package pbx_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami"
	"github.com/asterfed/asterfed/plugin/federation/ami/amitest"
	"github.com/asterfed/asterfed/plugin/federation/ami/pbx"
)

// TestRightsAreMended: rights that a manager user is given take effect with a
// reload of Asterisk.
func TestRightsAreMended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := amitest.New(amitest.Config{Addr: "-"})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		w := &watcher{follow: []pbx.Class{pbx.Rooms}}
		c := ami.New(ami.Config{Dial: s.Dial}, pbx.NewServices(w))
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		defer wg.Wait()
		defer cancel()
		s.SetPermissions("system", "system")
		wg.Go(func() { c.Run(ctx) })
		s.SetRoom("500", true)
		<-time.After(time.Minute)
		if got := w.take(); strings.Contains(got, "[500]") {
			t.Errorf("without the right: %s", got)
		}
		s.SetPermissions("system,call", "system,reporting")
		s.Reload("manager")
		<-time.After(time.Second)
		if got := w.take(); !strings.Contains(got, "[500]") {
			t.Errorf("got %s", got)
		}
	})
}

// TestRightIsMissedOnce: a new login that finds the same right missing says nothing new.
func TestRightIsMissedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := amitest.New(amitest.Config{Addr: "-"})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		var log strings.Builder
		c := ami.New(ami.Config{Dial: s.Dial, Logger: slog.New(slog.NewTextHandler(&log, nil))}, pbx.NewServices(&watcher{follow: []pbx.Class{pbx.Rooms}}))
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		s.SetPermissions("system", "system")
		wg.Go(func() { c.Run(ctx) })
		for range 3 {
			<-time.After(time.Minute)
			s.Reload("manager")
		}
		<-time.After(time.Minute)
		cancel()
		wg.Wait()
		if n := c.Stats().Reconnects; n != 3 {
			t.Errorf("%d logins after the first, want 3", n)
		}
		if n := strings.Count(log.String(), "does not list"); n != 1 {
			t.Errorf("said %d times, want once:\n%s", n, log.String())
		}
	})
}
