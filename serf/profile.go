package serf

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/hashicorp/memberlist"
	hserf "github.com/hashicorp/serf/serf"
)

// profile returns memberlist's settings for a kind of network. With "local"
// and "lan" (round trips under 50 ms) a dead node is known after about 1.5 s,
// with "wan" after about 4.5 s, without false failures at 10% loss.
func profile(name string) (*memberlist.Config, error) {
	c := memberlist.DefaultLANConfig()
	c.ProbeInterval, c.ProbeTimeout = 300*time.Millisecond, 150*time.Millisecond
	c.GossipInterval, c.GossipNodes = 50*time.Millisecond, 4
	c.SuspicionMult, c.SuspicionMaxTimeoutMult = 3, 2
	c.PushPullInterval = 10 * time.Second
	c.TCPTimeout = 5 * time.Second
	// A member that has failed may come back at another address at once. By
	// default it is refused for 51 s, and after a refusal nothing is tried
	// before the next full exchange.
	c.DeadNodeReclaimTime = time.Millisecond

	switch name {
	case "lan", "":
	case "local":
		c.IndirectChecks, c.RetransmitMult = 1, 2
		c.TCPTimeout = time.Second
	case "wan":
		c.ProbeInterval, c.ProbeTimeout = time.Second, 500*time.Millisecond
		c.GossipInterval = 100 * time.Millisecond
		c.TCPTimeout = 10 * time.Second
	default:
		return nil, fmt.Errorf("check profile %q: local, lan or wan expected", name)
	}
	return c, nil
}

// serfConfig returns Serf's own configuration for c, without the parts that
// are opened: transport, keyring, logger.
func serfConfig(c Config) (*hserf.Config, error) {
	ml, err := profile(c.Profile)
	if err != nil {
		return nil, err
	}
	if c.Advertise != "" {
		adv, err := netip.ParseAddrPort(c.Advertise)
		if err != nil {
			return nil, fmt.Errorf("parse advertised address %q: %w", c.Advertise, err)
		}
		ml.AdvertiseAddr, ml.AdvertisePort = adv.Addr().String(), int(adv.Port())
	}

	s := hserf.DefaultConfig()
	s.NodeName = c.Node
	s.Tags = copyTags(c.Tags)
	s.MemberlistConfig = ml
	s.ProtocolVersion = hserf.ProtocolVersionMax
	s.ReconnectInterval = 5 * time.Second
	s.RejoinAfterLeave = true
	if c.reap > 0 {
		s.ReapInterval, s.ReconnectTimeout, s.TombstoneTimeout = c.reap/2, c.reap, c.reap
	}
	// Serf's own resolution shuts the node down that fewer members know, which may
	// be the one that was there first. See admission.
	s.EnableNameConflictResolution = false
	if c.Profile == "local" {
		s.LeavePropagateDelay = 200 * time.Millisecond
	}
	// Queries (key rotation) get at least 1.6 s, whatever the gossip interval.
	s.QueryTimeoutMult = int(1600 * time.Millisecond / ml.GossipInterval)
	if c.DataDir != "" {
		s.SnapshotPath = c.path("serf.snapshot")
		s.KeyringFile = c.path("serf.keyring.json")
	}
	return s, nil
}
