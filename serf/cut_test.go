package serf

import (
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/memberlist"
)

// lan is a network that can be cut in two. It knows members by their addresses.
type lan struct {
	cut  atomic.Bool
	side map[string]bool // by host
}

// socket is one member's end. It drops what would cross the cut.
type socket struct {
	*memberlist.NetTransport
	lan  *lan
	side bool
}

var errCut = errors.New("the network is cut")

func (s *socket) lost(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	return err != nil || s.lan.cut.Load() && s.lan.side[host] != s.side
}

func (s *socket) WriteToAddress(b []byte, a memberlist.Address) (time.Time, error) {
	if s.lost(a.Addr) {
		return time.Now(), nil
	}
	return s.NetTransport.WriteToAddress(b, a)
}

func (s *socket) DialAddressTimeout(a memberlist.Address, limit time.Duration) (net.Conn, error) {
	if s.lost(a.Addr) {
		return nil, errCut
	}
	return s.NetTransport.DialAddressTimeout(a, limit)
}

func (l *lan) at(host string) func(*Config) {
	return func(c *Config) {
		c.Bind, c.reap = host+":0", 300*time.Millisecond
		c.wrap = func(t *memberlist.NetTransport) memberlist.NodeAwareTransport {
			return &socket{t, l, l.side[host]}
		}
	}
}

// A cut that outlasts Serf's memory of who has failed: neither half has a seed in
// the other, nor is a member alone, and yet all are together again soon after.
func TestCutBeyondReap(t *testing.T) {
	l := &lan{side: map[string]bool{"127.0.0.21": true, "127.0.0.22": true, "127.0.0.23": false, "127.0.0.24": false}}
	a := startNode(t, "a", l.at("127.0.0.21"))
	b := startNode(t, "b", l.at("127.0.0.22"), joining(a))
	c := startNode(t, "c", l.at("127.0.0.23"))
	d := startNode(t, "d", l.at("127.0.0.24"), joining(c))
	if err := a.join(c.Addr().String()); err != nil {
		t.Fatal(err)
	}
	all := map[string]*node{"a": a, "b": b, "c": c, "d": d}
	across := map[string][]string{"a": {"c", "d"}, "b": {"c", "d"}, "c": {"a", "b"}, "d": {"a", "b"}}
	for name, n := range all {
		for other := range all {
			if other != name {
				n.await(t, EventJoin, other)
			}
		}
	}
	l.cut.Store(true)
	for name, n := range all {
		for _, other := range across[name] {
			n.await(t, EventReap, other)
		}
	}
	l.cut.Store(false)
	healed := time.Now()
	for name, n := range all {
		for _, other := range across[name] {
			n.await(t, EventJoin, other)
		}
	}
	t.Logf("together %v after the heal", time.Since(healed).Round(time.Millisecond))
}
