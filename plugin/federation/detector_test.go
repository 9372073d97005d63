package federation

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asterfed/asterfed/zone"
)

// patient is a detector whose peer's Asterisk the test plays.
type patient struct {
	*detector
	asterisk atomic.Bool
	slow     atomic.Bool // answers, but only when it is too late
	pings    atomic.Int32
	tasks    sync.WaitGroup
	cancel   context.CancelFunc
}

func newPatient(t *testing.T) *patient {
	v := zone.NewView(zone.Config{Origin: "fed.example.", Self: "pbx-a", TTL: time.Second})
	ctx, cancel := context.WithCancel(t.Context())
	p := &patient{cancel: cancel}
	p.asterisk.Store(true)
	p.detector = &detector{home: v.Home("pbx-b"), ctx: ctx, log: slog.New(slog.DiscardHandler), patience: pingTimeout,
		run: func(f func()) { p.tasks.Go(f) },
		ping: func(ctx context.Context) error {
			p.pings.Add(1)
			if p.slow.Load() {
				<-ctx.Done()
			}
			if !p.asterisk.Load() {
				return errors.New("port closed")
			}
			return nil
		}}
	t.Cleanup(func() { cancel(); p.tasks.Wait() })
	return p
}

func (p *patient) want(t *testing.T, r zone.Reach) {
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
		p.want(t, zone.Alive)
		p.Heard()
		p.want(t, zone.Alive)
		time.Sleep(time.Minute)
		p.want(t, zone.Alive)
		if n := p.pings.Load(); n > 1 {
			t.Errorf("%d pings of a node that is heard", n)
		}
	})
}

func TestSilentFederator(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatient(t)
		p.Lost(errLost)
		p.Lost(errLost)
		p.want(t, zone.Orphan) // its Asterisk answers
		p.asterisk.Store(false)
		time.Sleep(2 * pingTimeout)
		p.want(t, zone.Gone)
		p.asterisk.Store(true)
		time.Sleep(2 * pingTimeout)
		p.want(t, zone.Orphan)
		p.Heard()
		p.want(t, zone.Alive)
		p.Lost(errLost) // counts from one again
		p.want(t, zone.Alive)
	})
}

// Everything on a host is killed, Asterisk a moment after its federator: its
// last answer hides nothing for long.
func TestAsteriskDiesLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatient(t)
		p.Lost(errLost)
		p.Lost(errLost)
		p.want(t, zone.Orphan)
		time.Sleep(20 * time.Millisecond)
		p.asterisk.Store(false)
		time.Sleep(100 * time.Millisecond)
		p.want(t, zone.Gone)
	})
}

// A node that had no CPU while it asked asks again, rather than blame the other;
// but not for ever.
func TestOwnLatenessProvesNothing(t *testing.T) {
	for _, c := range []struct {
		late int32 // questions that end too late
		want zone.Reach
	}{{maxTardy, zone.Orphan}, {100, zone.Gone}} {
		synctest.Test(t, func(t *testing.T) {
			p := newPatient(t)
			asked := int32(0)
			p.detector.ping = func(context.Context) error {
				if asked++; asked <= c.late {
					time.Sleep(pingTimeout + 2*tardy)
					return context.DeadlineExceeded
				}
				return nil
			}
			p.Lost(errLost)
			p.Lost(errLost)
			time.Sleep(maxTardy * (pingTimeout + tardy))
			p.want(t, zone.Alive)
			time.Sleep(2 * (pingTimeout + 2*tardy))
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
		p.want(t, zone.Alive) // OPTIONS is still out
		time.Sleep(pingTimeout)
		p.want(t, zone.Gone)
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
		p.want(t, zone.Orphan)
		time.Sleep(zone.Expire + time.Minute)
		p.want(t, zone.Gone)
		p.Heard()
		p.want(t, zone.Alive)
	})
}

// A node that left stays away, whatever was still on its way.
func TestLeftStaysGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPatient(t)
		p.Lost(errLost)
		p.slow.Store(true)
		time.Sleep(pingTimeout / 2)
		p.cancel()
		p.leave()
		p.want(t, zone.Gone)
		p.Lost(errLost)
		p.Heard()
		p.want(t, zone.Gone)
	})
}
