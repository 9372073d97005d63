package peer

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asterfed/asterfed/zone/view"
)

// lone is a peer that is not run.
func lone(dial func(context.Context, string, string) (net.Conn, error), peers int) *Peer {
	v := view.New(view.Config{Origin: origin, Self: "pbx-a", TTL: time.Second})
	return New(Config{Node: "pbx-b", Addr: "192.0.2.2:53", Origin: origin, Home: v.Home("pbx-b"), Heard: func() {},
		Lost: func(error) {}, Logger: slog.New(slog.DiscardHandler), Dial: dial, Peers: func() int { return peers }})
}

// A closed port is found out at once though the first segment was lost, and so
// is one that takes connections.
func TestLostSegmentDelaysNoVerdict(t *testing.T) {
	for _, refuses := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			var tries atomic.Int32
			near, far := net.Pipe()
			defer far.Close()
			p := lone(func(ctx context.Context, _, _ string) (net.Conn, error) {
				switch {
				case tries.Add(1) == 1:
					<-ctx.Done()
					return nil, ctx.Err()
				case refuses:
					return nil, syscall.ECONNREFUSED
				}
				return near, nil
			}, 1)
			began := time.Now()
			conn, err := p.dial(t.Context(), LAN.Dial)
			if refuses != errors.Is(err, syscall.ECONNREFUSED) || !refuses && conn == nil {
				t.Errorf("refuses %v: got %v, %v", refuses, conn, err)
			}
			if d := time.Since(began); d > 200*time.Millisecond {
				t.Errorf("refuses %v: known after %v only", refuses, d)
			}
			if conn != nil {
				conn.Close()
			}
		})
	}
}

// beating runs the heartbeats of a peer against a server that answers until it
// is told to be silent, and returns what ended them, and their number.
func beating(t *testing.T, p *Peer, silent *atomic.Bool) (chan error, *atomic.Int64) {
	return server{silent: silent}.run(t, p)
}

// Silence is noticed when it has lasted as long as it may, not at some later
// heartbeat; with many peers later, but soon after Serf's word.
func TestSilenceIsNoticedInTime(t *testing.T) {
	for _, c := range []struct {
		peers  int
		doubt  bool
		within time.Duration
	}{{1, false, 1250 * time.Millisecond}, {200, false, 5 * time.Second}, {200, true, 700 * time.Millisecond}} {
		synctest.Test(t, func(t *testing.T) {
			var silent atomic.Bool
			p := lone(nil, c.peers)
			ended, _ := beating(t, p, &silent)
			time.Sleep(time.Hour + 10*time.Millisecond) // quiet, and nothing is lost
			select {
			case err := <-ended:
				t.Fatalf("%d peers: ended in a quiet hour: %v", c.peers, err)
			default:
			}
			p.Probe() // unfounded
			time.Sleep(30 * time.Second)
			silent.Store(true)
			if c.doubt {
				p.Probe()
			}
			began := time.Now()
			if err := <-ended; !errors.Is(err, errSilent) {
				t.Errorf("%d peers: ended by %v", c.peers, err)
			}
			if d := time.Since(began); d > c.within {
				t.Errorf("%d peers: silence was noticed after %v, want %v at most", c.peers, d, c.within)
			}
		})
	}
}

// All heartbeats of a node together cost the same from 50 peers on.
func TestHeartbeatsCostTheSame(t *testing.T) {
	for n, want := range map[int]time.Duration{1: 500 * time.Millisecond, 50: 500 * time.Millisecond, 100: time.Second, 1000: 10 * time.Second} {
		if got := LAN.Among(n); got.Heartbeat != want || got.Silence != want*5/2 {
			t.Errorf("%d peers: %+v, want a heartbeat every %v", n, got, want)
		}
	}
}
