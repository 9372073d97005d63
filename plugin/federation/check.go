package federation

import "github.com/asterfed/asterfed/serf"

// checkSerf finds what Serf would refuse at its start.
func checkSerf(cfg *Config) error {
	c := serf.Config{Node: cfg.Node, Bind: cfg.Gossip.String(), KeyFile: cfg.GossipKey, DataDir: cfg.Data,
		Join: cfg.Join, RPC: cfg.RPC, RPCKeyFile: cfg.RPCKey, Profile: cfg.Profile}
	if cfg.GossipAdvertise.IsValid() {
		c.Advertise = cfg.GossipAdvertise.String()
	}
	return serf.Check(c)
}
