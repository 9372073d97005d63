package node

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/config"
	"github.com/asterfed/asterfed/serf"
	"github.com/asterfed/asterfed/zone/record"
)

// gossipPort returns a UDP and TCP port of loopback that was free a moment ago.
func gossipPort(t *testing.T) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return netip.MustParseAddrPort(l.Addr().String())
}

// A node that should find others, and never has, does not settle however long it
// waits; the first node of a federation does.
func TestNodeThatReachesNobodyDoesNotSettle(t *testing.T) {
	own, dead := gossipPort(t), gossipPort(t)
	for name, c := range map[string]struct {
		join  []string
		known bool // it has reached others before it was restarted
		want  bool
	}{
		"first node":                            {nil, false, true},
		"first node that lists itself":          {[]string{own.String()}, false, true},
		"seed that does not answer":             {[]string{dead.String()}, false, false},
		"itself, and one that does not answer":  {[]string{own.String(), dead.String()}, false, false},
		"restarted while all others are absent": {[]string{dead.String()}, true, true},
	} {
		n := newTestNode(t, config.Config{Join: c.join})
		agent, err := serf.Start(t.Context(), serf.Config{Node: "pbx-a", Bind: own.String(), Join: c.join})
		if err != nil {
			t.Fatal(err)
		}
		tried := func() bool { return agent.Joined() || len(agent.JoinErrors()) > 0 }
		for deadline := time.Now().Add(20 * time.Second); !tried(); <-time.After(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: seeds not tried: %v", name, agent.JoinErrors())
			}
		}
		s := &settling{settings: n.cfg, gossip: agent, peers: n.peers, view: n.view, recovery: n.recovery, met: c.known, log: n.log}
		if got := s.complete(time.Hour); got != c.want {
			t.Errorf("%s: settled after an hour: %v, want %v", name, got, c.want)
		}
		agent.Shutdown()
	}
}

// members is a Membership that has reached the members it lists.
type members struct {
	Membership
	list []serf.Member
}

func (m members) Members() []serf.Member { return m.list }
func (m members) Joined() bool           { return true }

// A node whose transfer key is wrong is a member, and never learns what the others
// publish. It settles as little as one that reaches nobody; one of several nodes that
// cannot be followed keeps no other from settling.
func TestNodeThatTransfersNothingDoesNotSettle(t *testing.T) {
	n := newTestNode(t, config.Config{Node: "pbx-a", Join: []string{"192.0.2.2"}})
	list := []serf.Member{
		{Name: "pbx-b", Status: serf.StatusAlive, Tags: map[string]string{"zone": n.cfg.Origin}},
		{Name: "pbx-c", Status: serf.StatusAlive, Tags: map[string]string{"zone": n.cfg.Origin}},
	}
	s := &settling{settings: n.cfg, gossip: members{list: list}, peers: n.peers, view: n.view, recovery: n.recovery, log: n.log}
	if s.complete(time.Hour) {
		t.Error("settled though no home zone was ever transferred")
	}
	n.view.Home("pbx-b").Replace(record.Version{Epoch: "0123456789abcdef", Serial: 1}, nil, nil)
	if !s.complete(time.Hour) {
		t.Error("not settled though the home zone of pbx-b is known")
	}
}

// alone is a Membership that has reached nobody.
type alone struct{ Membership }

func (alone) Members() []serf.Member { return nil }
func (alone) Joined() bool           { return false }

// That a node was one of several outlives it: the last node of a federation that the
// others have left settles after a restart, although its seeds are gone.
func TestLastNodeSettles(t *testing.T) {
	n := newTestNode(t, config.Config{Node: "pbx-a", Join: []string{"192.0.2.2"}})
	file := filepath.Join(t.TempDir(), metFile)
	known := func() bool {
		_, err := os.Stat(file)
		return err == nil
	}
	s := &settling{settings: n.cfg, gossip: alone{}, peers: n.peers, view: n.view, recovery: n.recovery, file: file, log: n.log}
	s.remember()
	if known() || s.complete(time.Hour) {
		t.Error("a node that has reached nobody settles, or says that it has reached others")
	}
	s.gossip = members{}
	s.remember()
	if !known() {
		t.Fatal("nothing tells the next process that others were reached")
	}
	s.gossip, s.met = alone{}, known()
	if !s.complete(time.Hour) {
		t.Error("the last node of a federation does not settle after a restart")
	}
}
