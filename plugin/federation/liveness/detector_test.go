package liveness

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
)

// patient is a detector whose peer's Asterisk the test plays.
type patient struct {
	*Detector
	home     *view.Home
	log      strings.Builder
	gossip   atomic.Bool
	asterisk atomic.Bool
	slow     atomic.Bool // answers, but only when it is too late
	pings    atomic.Int32
	tasks    sync.WaitGroup
	cancel   context.CancelFunc
}

func newPatient(t *testing.T) *patient {
	v := view.New(view.Config{Origin: "fed.example.", Self: "pbx-a", TTL: time.Second})
	ctx, cancel := context.WithCancel(t.Context())
	p := &patient{cancel: cancel, home: v.Home("pbx-b")}
	p.asterisk.Store(true)
	p.Detector = NewDetector(DetectorConfig{Home: p.home, Patience: Patience, Gossip: p.gossip.Load,
		Logger: slog.New(slog.NewTextHandler(&p.log, nil)),
		Ask: func(ctx context.Context) error {
			p.pings.Add(1)
			if p.slow.Load() {
				<-ctx.Done()
			}
			if !p.asterisk.Load() {
				return errors.New("port closed")
			}
			return nil
		}})
	p.tasks.Go(func() { p.Run(ctx) })
	t.Cleanup(func() { cancel(); p.tasks.Wait() })
	return p
}

func (p *patient) want(t *testing.T, r view.Reach) {
	t.Helper()
	synctest.Wait()
	if got := p.home.Reach(); got != r {
		t.Errorf("reach is %s, want %s", got, r)
	}
}

var errLost = errors.New("connection ended")

// A connection that ends and is there again at once changes nothing.
func TestOneLostConnectionProvesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatient(t)
		p.asterisk.Store(false)
		p.Lost(errLost)
		p.want(t, view.Alive)
		p.Heard()
		p.want(t, view.Alive)
		time.Sleep(time.Minute)
		p.want(t, view.Alive)
		if n := p.pings.Load(); n > 1 {
			t.Errorf("%d pings of a node that is heard", n)
		}
	})
}

func TestSilentNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatient(t)
		p.Lost(errLost)
		p.Lost(errLost)
		p.want(t, view.Orphan) // its Asterisk answers
		p.asterisk.Store(false)
		time.Sleep(2 * Patience)
		p.want(t, view.Gone)
		p.asterisk.Store(true)
		time.Sleep(2 * Patience)
		p.want(t, view.Orphan)
		p.Heard()
		p.want(t, view.Alive)
		p.Lost(errLost) // counts from one again
		p.want(t, view.Alive)
	})
}

// Everything on a host is killed, Asterisk a moment after its asterfed: its
// last answer hides nothing for long.
func TestAsteriskDiesLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatient(t)
		p.Lost(errLost)
		p.Lost(errLost)
		p.want(t, view.Orphan)
		time.Sleep(20 * time.Millisecond)
		p.asterisk.Store(false)
		time.Sleep(100 * time.Millisecond)
		p.want(t, view.Gone)
	})
}

// A node that had no CPU while it asked asks again, rather than blame the other;
// but not for ever.
func TestOwnLatenessProvesNothing(t *testing.T) {
	for _, c := range []struct {
		late int32 // questions that end too late
		want view.Reach
	}{{maxTardy, view.Orphan}, {100, view.Gone}} {
		synctest.Test(t, func(t *testing.T) {
			p := newPatient(t)
			asked := int32(0)
			p.cfg.Ask = func(context.Context) error {
				if asked++; asked <= c.late {
					time.Sleep(Patience + 2*tardy)
					return context.DeadlineExceeded
				}
				return nil
			}
			p.Lost(errLost)
			p.Lost(errLost)
			time.Sleep(maxTardy * (Patience + tardy))
			p.want(t, view.Alive)
			time.Sleep(2 * (Patience + 2*tardy))
			p.want(t, c.want)
		})
	}
}

// A host that is cut off answers nothing at all.
func TestHostCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatient(t)
		p.asterisk.Store(false)
		p.slow.Store(true)
		p.Lost(errLost)
		p.Lost(errLost)
		p.want(t, view.Alive) // OPTIONS is still out
		time.Sleep(Patience)
		p.want(t, view.Gone)
		pings := p.pings.Load()
		time.Sleep(time.Hour)
		if n := p.pings.Load() - pings; n < 600 || n > 1000 {
			t.Errorf("%d pings in an hour, want one every few seconds", n)
		}
	})
}

// What nobody has heard of for longer than SOA EXPIRE is no answer.
func TestOrphanExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatient(t)
		p.Lost(errLost)
		p.Lost(errLost)
		p.want(t, view.Orphan)
		time.Sleep(record.Expire + time.Minute)
		p.want(t, view.Gone)
		p.Heard()
		p.want(t, view.Alive)
	})
}

// A node that left stays away, whatever was still on its way.
func TestLeftStaysGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatient(t)
		p.Lost(errLost)
		p.slow.Store(true)
		time.Sleep(Patience / 2)
		p.cancel()
		p.Leave()
		p.want(t, view.Gone)
		p.Lost(errLost)
		p.Heard()
		p.want(t, view.Gone)
	})
}

// An administrator reads once, as a warning, what is wrong and what to do.
func TestVerdictsAreWarnings(t *testing.T) {
	for name, c := range map[string]struct {
		asterisk, gossip bool
		want             []string
	}{
		"asterfed is stopped":     {true, false, []string{"node is orphan", "its asterfed is silent", "start asterfed there"}},
		"TCP is blocked":          {true, true, []string{"node is orphan", "does not answer over TCP", "firewall to the TCP port of its transfer line"}},
		"the host is off":         {false, false, []string{"node is gone", "look at that host"}},
		"TCP and SIP are blocked": {false, true, []string{"node is gone", "Serf reached its asterfed", "its SIP port"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := newPatient(t)
			p.asterisk.Store(c.asterisk)
			p.gossip.Store(c.gossip)
			for range 5 {
				p.Lost(errLost)
				time.Sleep(Patience)
			}
			synctest.Wait()
			p.setting.Lock()
			text := p.log.String()
			p.setting.Unlock()
			if strings.Count(text, "\n") != 1 || !strings.Contains(text, "level=WARN") || !strings.Contains(text, errLost.Error()) {
				t.Errorf("%s: want one warning with the cause, got\n%s", name, text)
			}
			for _, w := range c.want {
				if !strings.Contains(text, w) {
					t.Errorf("%s: log lacks %q:\n%s", name, w, text)
				}
			}
		})
	}
}
