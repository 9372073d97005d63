package peer

import (
	"errors"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/primary"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
)

// asked is a peer of the node self, which follows pbx-b, and is asked by it.
func asked(self string) *Peer {
	v := view.New(view.Config{Origin: origin, Self: self, TTL: time.Second})
	own := primary.New(primary.Config{Zone: v.Own(), Clock: location.NewClock(time.Now), Node: record.Node{Name: self, State: record.Up}})
	return New(Config{Node: "pbx-b", Addr: "192.0.2.2:53", Origin: origin, Home: v.Home("pbx-b"), Own: NewNotifier(own, origin),
		Heard: func() {}, Lost: func(error) {}, Logger: slog.New(slog.DiscardHandler)})
}

// greet has pbx-b ask for the own SOA until it is told to stop.
func greet(t *testing.T, p *Peer, apex string, from net.Addr, stop *atomic.Bool) {
	done := make(chan struct{})
	t.Cleanup(func() { stop.Store(true); <-done })
	go func() {
		defer close(done)
		for !stop.Load() {
			p.HandleHeartbeat([]dns.RR{record.Version{Epoch: "e", Serial: 1}.SOA(apex, origin, 5)}, from)
			time.Sleep(LAN.Heartbeat)
		}
	}()
}

// Of two nodes one asks, and the other asks where it is not asked.
func TestOneHeartbeatForBoth(t *testing.T) {
	good := &net.TCPAddr{IP: net.ParseIP("192.0.2.2"), Port: 40000}
	for _, c := range []struct {
		name, self, apex string
		from             net.Addr
		least, most      int64 // heartbeats in a minute
	}{
		{"it is asked", "pbx-c", "pbx-b.homes." + origin, good, 6, 13},
		{"it is the one that asks", "pbx-a", "pbx-b.homes." + origin, good, 118, 121},
		{"asked from elsewhere", "pbx-c", "pbx-b.homes." + origin, &net.TCPAddr{IP: net.ParseIP("192.0.2.9")}, 118, 121},
		{"asked by UDP", "pbx-c", "pbx-b.homes." + origin, &net.UDPAddr{IP: good.IP}, 118, 121},
		{"asked by another", "pbx-c", "pbx-x.homes." + origin, good, 118, 121},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var silent, stop atomic.Bool
				p := asked(c.self)
				ended, beats := beating(t, p, &silent)
				greet(t, p, c.apex, c.from, &stop)
				time.Sleep(time.Minute)
				if n := beats.Load(); n < c.least || n > c.most {
					t.Errorf("%d heartbeats in a minute, want %d to %d", n, c.least, c.most)
				}
				// A node that dies is found as soon as if it were asked.
				stop.Store(true)
				silent.Store(true)
				began := time.Now()
				if err := <-ended; !errors.Is(err, errSilent) || time.Since(began) > LAN.Silence {
					t.Errorf("%v after %v, want silence noticed after %v", err, time.Since(began), LAN.Silence)
				}
			})
		})
	}
}

// Who is asked follows the distance as soon as who asks, but for the time until
// it measures; one odd measure changes nothing.
func TestDistanceOfTheAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var silent, stop atomic.Bool
		p := asked("pbx-c")
		p.rtt.add(p.cfg.Home, time.Millisecond, 1)
		_, beats := beating(t, p, &silent)
		greet(t, p, p.apex, &net.TCPAddr{IP: net.ParseIP("192.0.2.2")}, &stop)
		time.Sleep(time.Minute + selfEvery*LAN.Heartbeat/2) // between two measures
		p.measured(80 * time.Millisecond)
		if d := p.Stats().RTT; d > time.Millisecond {
			t.Errorf("one odd measure makes it %v", d)
		}
		before := beats.Load()
		time.Sleep(LAN.Heartbeat + time.Millisecond)
		if beats.Load() == before {
			t.Error("an odd measure is not looked at again at once")
		}
		time.Sleep(time.Minute)
		for range 3 { // as often as in 15 s
			time.Sleep(selfEvery * LAN.Heartbeat)
			p.measured(60 * time.Millisecond)
			p.measured(60 * time.Millisecond)
		}
		if d := p.Stats().RTT; d < 50*time.Millisecond {
			t.Errorf("%v after 15 s at 60 ms", d)
		}
	})
}

// That the other side asks says nothing of the connection to it.
func TestDeadConnectionOfTheAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var silent, stop atomic.Bool
		p := asked("pbx-c")
		ended, _ := beating(t, p, &silent)
		greet(t, p, p.apex, &net.TCPAddr{IP: net.ParseIP("192.0.2.2")}, &stop)
		time.Sleep(time.Minute)
		silent.Store(true)
		began := time.Now()
		if err := <-ended; !errors.Is(err, errSilent) || time.Since(began) > selfEvery*LAN.Heartbeat+LAN.Silence {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// A heartbeat tells of a change whose NOTIFY was lost, to the one who is asked too.
func TestHeartbeatTellsOfAChange(t *testing.T) {
	a, b := newNode(t, "pbx-a", ""), newNode(t, "pbx-b", "")
	b.follow(a, testKey)
	_, pulled, _ := a.follow(b, testKey)
	a.level(b, pulled)
	p, now := asked("pbx-c"), b.primary.Version()
	p.cfg.Home.Replace(record.Version{Epoch: now.Epoch, Serial: now.Serial - 1}, nil, nil)
	p.HandleHeartbeat([]dns.RR{now.SOA(p.apex, origin, 5)}, &net.TCPAddr{IP: net.ParseIP("192.0.2.2")})
	select {
	case <-p.wake:
	default:
		t.Error("nobody asks for the version that a heartbeat told of")
	}
	greeted := func() int64 { return b.notified.Load().pulse.theirs.Load() }
	for deadline := time.Now().Add(10 * time.Second); greeted() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("pbx-a asks, and does not tell its own SOA")
		}
	}
}
