package registrations_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami"
	"github.com/asterfed/asterfed/plugin/federation/ami/amitest"
	"github.com/asterfed/asterfed/plugin/federation/ami/registrations"
	"github.com/asterfed/asterfed/zone/location"
)

// many returns n contacts of as many users.
func many(n int, expires time.Time) []amitest.Contact {
	out := make([]amitest.Contact, n)
	for i := range out {
		aor := fmt.Sprintf("user%06d", i)
		out[i] = amitest.Contact{AOR: aor, URI: "sip:" + aor + "@192.0.2.1:5060", Expires: expires}
	}
	return out
}

// The phones of a whole site register at once at an Asterisk that knew none.
func TestFloodOfStrangers(t *testing.T) {
	follow(t, amitest.Config{}, config{}, func(b *bench) {
		b.ready()
		for _, c := range many(3000, time.Now().Add(time.Hour)) {
			b.RegisterContact(c)
		}
		b.advance(30 * time.Second)
		got := b.rec.take()
		if n := strings.Count(got, "registered "); n != 3000 {
			b.Errorf("%d of 3000 registrations", n)
		}
		if n := b.Count("PJSIPShowEndpoint"); n > 600 {
			b.Errorf("%d listings of single AORs", n)
		}
		if n := b.Count("PJSIPShowContacts"); n > 10 {
			b.Errorf("%d full listings", n)
		}
	})
}

func TestMassExpiryIsOneListing(t *testing.T) {
	follow(t, amitest.Config{CheckInterval: time.Hour}, config{}, func(b *bench) {
		b.Put(many(1000, time.Now().Add(10*time.Second))...)
		b.connect()
		b.rec.take()
		b.advance(10500 * time.Millisecond)
		got := b.rec.take()
		if !strings.HasPrefix(got, "listed all pjsip []") && got != "" { // taken twice, for it shrank
			b.Errorf("got:\n%s", indent(got))
		}
		b.advance(10 * time.Second)
		b.rec.take()
		if n := b.Count("PJSIPShowEndpoint"); n != 0 {
			b.Errorf("%d listings of single AORs", n)
		}
		if st := b.src.Stats(); st.LastSize != 0 {
			b.Errorf("stats %+v", st)
		}
	})
}

func TestMassUnregister(t *testing.T) {
	follow(t, amitest.Config{}, config{}, func(b *bench) {
		all := many(2000, time.Now().Add(time.Hour))
		b.Put(all...)
		b.connect()
		b.rec.take()
		for _, c := range all {
			b.Unregister(c.AOR, "")
		}
		if n := strings.Count(b.rec.take(), "removed "); n != len(all) {
			b.Errorf("%d of %d removals", n, len(all))
		}
	})
}

func TestOnlyActionsOfTheList(t *testing.T) {
	follow(t, amitest.Config{Version: 16, Chatty: true}, config{Rivals: rivals("1001")}, func(b *bench) {
		b.Register("1001", uri1, 3*time.Second)
		b.connect()
		b.Register("1002", "sip:1002@192.0.2.1", minute)
		b.src.Recheck("nobody")
		b.Reload("All")
		b.advance(10 * time.Minute)
		allowed := ami.Actions()
		for _, a := range b.Actions() {
			if !slices.Contains(allowed, a.Name()) {
				b.Errorf("sent %q", a.Name())
			}
		}
		for _, name := range []string{"Login", "Ping", "CoreSettings", "PJSIPShowContacts", "PJSIPShowEndpoint", "SIPpeers", "IAXpeerlist"} {
			if b.Count(name) == 0 {
				b.Errorf("never sent %s", name)
			}
		}
	})
}

// waits is a Listener that reports on channels.
type waits struct {
	record
	all        chan int
	registered chan struct{}
}

func (w *waits) ListedAll(t location.Kind, list location.Listing) {
	if t == location.PJSIP {
		w.all <- list.N
	}
}
func (w *waits) Registered(location.Contact) { w.registered <- struct{}{} }

// TestLargeSiteOverTCP follows 100,000 users over a real connection.
func TestLargeSiteOverTCP(t *testing.T) {
	const users, events = 100_000, 5000
	srv, err := amitest.New(amitest.Config{OnError: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	all := many(users, time.Now().Add(time.Hour))
	srv.Put(all...)
	reg := &waits{all: make(chan int, 10), registered: make(chan struct{}, events)}
	src := registrations.New(registrations.Config{Listener: reg})
	client := ami.New(ami.Config{Addr: srv.Addr()}, src)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	done := make(chan struct{})
	go func() {
		defer close(done)
		client.Run(ctx)
	}()
	defer func() {
		cancel()
		<-done
	}()
	select {
	case n := <-reg.all:
		if n != users {
			t.Fatalf("listed %d of %d", n, users)
		}
	case <-ctx.Done():
		t.Fatal("no listing within a minute")
	}
	start := time.Now()
	for _, c := range all[:events] {
		c.URI += ";moved"
		srv.RegisterContact(c)
	}
	for i := range events {
		select {
		case <-reg.registered:
		case <-ctx.Done():
			t.Fatalf("%d of %d events", i, events)
		}
	}
	t.Logf("%d registrations in %v; listing took %v", events, time.Since(start), src.Stats().LastDuration)
}
