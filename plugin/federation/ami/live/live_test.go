package live_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami"
	"github.com/asterfed/asterfed/plugin/federation/ami/amitest"
	"github.com/asterfed/asterfed/plugin/federation/ami/live"
	"github.com/asterfed/asterfed/zone/location"
)

// newLive asks a fake Asterisk, with a clock that stands until it is set.
func newLive(t *testing.T, c amitest.Config) (*live.Live, *amitest.Server, func(time.Duration)) {
	t.Helper()
	c.User, c.Secret = "u", "s"
	s, err := amitest.New(c)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	now := time.Now()
	l := live.New(live.Config{Addr: s.Addr(), User: "u", Secret: "s", Now: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}})
	t.Cleanup(func() { l.Close(); s.Close() })
	return l, s, func(d time.Duration) { mu.Lock(); now = now.Add(d); mu.Unlock() }
}

func TestLive(t *testing.T) {
	for _, version := range []int{16, 22} {
		l, s, pass := newLive(t, amitest.Config{Version: version, SystemName: "a"})
		if list, err := l.Contacts(t.Context()); err != nil || len(list) != 0 {
			t.Errorf("%d: an empty Asterisk lists %v, %v", version, list, err)
		}
		s.Register("1001", "sip:1001@192.0.2.7:5060", time.Hour)
		s.SetChannels([3]string{"PJSIP/1001-00000001", "1001", "1002"}, [3]string{"PJSIP/1002-00000002", "1002", "s"})
		pass(time.Second)
		list, err := l.Contacts(t.Context())
		if err != nil || len(list) != 1 || list[0].AOR != "1001" || list[0].Kind != location.PJSIP || list[0].URI != "sip:1001@192.0.2.7:5060" ||
			list[0].Expires.IsZero() {
			t.Errorf("%d: contacts %+v, %v", version, list, err)
		}
		st, err := l.Status(t.Context())
		if err != nil || !strings.HasPrefix(st.Version, map[int]string{16: "16.", 22: "22."}[version]) || st.Calls != 1 || st.Processed != 17 || len(st.Since) != 19 {
			t.Errorf("%d: status %+v, %v", version, st, err)
		}
		chans, err := l.Channels(t.Context())
		if err != nil || len(chans) != 2 || chans[0] != (live.Channel{Name: "PJSIP/1001-00000001", State: "Up", Number: "1001",
			Connected: "<unknown>", Extension: "1002@internal", Seconds: 65}) {
			t.Errorf("%d: channels %+v, %v", version, chans, err)
		}
		for _, err := range s.Errors() {
			t.Error(err)
		}
	}
}

// A storm of questions asks Asterisk once a second, over one login.
func TestLiveStorm(t *testing.T) {
	l, s, pass := newLive(t, amitest.Config{})
	for range 3 {
		var all sync.WaitGroup
		for range 200 {
			all.Go(func() {
				if _, err := l.Channels(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		pass(time.Second)
	}
	if n := s.Count("CoreShowChannels"); n != 3 {
		t.Errorf("Asterisk was asked %d times, want 3", n)
	}
	if n := s.Count("Login"); n != 1 {
		t.Errorf("%d logins, want 1", n)
	}
}

// Who asks a slow Asterisk waits no longer than he wants to; a refusal, a
// restart and an Asterisk that is away are told as what they are.
func TestLiveTrouble(t *testing.T) {
	l, s, pass := newLive(t, amitest.Config{})
	if _, err := l.Status(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Mute(true)
	pass(time.Second)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := l.Status(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a mute Asterisk: %v", err)
	}
	s.Mute(false)
	if _, err := l.Status(t.Context()); err != nil {
		t.Errorf("after it: %v", err)
	}
	s.Refuse("CoreShowChannels", "Permission denied")
	var refused *ami.Refused
	if _, err := l.Channels(t.Context()); !errors.As(err, &refused) || refused.Action != "CoreShowChannels" {
		t.Errorf("refused: %v", err)
	}
	s.Stop()
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	pass(time.Second)
	if _, err := l.Status(t.Context()); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	s.Stop()
	pass(time.Second)
	if _, err := l.Status(t.Context()); err == nil {
		t.Error("an Asterisk that is away has answered")
	}
	if !slices.Contains(ami.Actions(), "CoreStatus") {
		t.Error("CoreStatus is not in the closed list")
	}
}

// TestSecondSessionIsRefused: allowmultiplelogin=no leaves no session for
// questions, and the answer says so, however little time the question had.
func TestSecondSessionIsRefused(t *testing.T) {
	l, s, _ := newLive(t, amitest.Config{OneLogin: true})
	first := live.New(live.Config{Addr: s.Addr(), User: "u", Secret: "s"})
	defer first.Close()
	if _, err := first.Status(t.Context()); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond) // Asterisk refuses after a second
	defer cancel()
	for _, ctx := range []context.Context{short, t.Context()} {
		if _, err := l.Status(ctx); err == nil || !strings.Contains(err.Error(), "allowmultiplelogin=no") || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
	}
}

// TestLiveKnowsDeletedAORs: what is asked live is what is published.
func TestLiveKnowsDeletedAORs(t *testing.T) {
	s, err := amitest.New(amitest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	until := time.Now().Add(time.Hour)
	s.Put(amitest.Contact{AOR: "1001", URI: "sip:1001@192.0.2.1", Expires: until}, amitest.Contact{AOR: "1002", URI: "sip:1002@192.0.2.2", Expires: until},
		amitest.Contact{AOR: "1003", URI: "sip:1003@192.0.2.3", Expires: until})
	s.Deprovision("1001")
	s.Unlist("1003")
	asked := live.New(live.Config{Addr: s.Addr(), User: "fed", Secret: "x"})
	defer asked.Close()
	list, err := asked.Contacts(t.Context())
	if err != nil || len(list) != 2 || list[0].AOR == "1001" || list[1].AOR == "1001" {
		t.Errorf("%v, error %v", list, err)
	}
}
