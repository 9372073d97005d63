package node

import (
	"github.com/asterfed/asterfed/plugin/federation/liveness"
)

// tags are what other nodes need before the first transfer, and what is compared
// with theirs.
func (n *Node) tags() map[string]string {
	self := n.primary.Node()
	return map[string]string{
		"v": "1", "zone": n.cfg.Origin, "dns": n.cfg.Transfer.String(),
		"epoch": n.primary.Version().Epoch, "state": string(self.State), "region": self.Region,
		"asterfed": n.software(), settingsTag: settingsDigest(n.cfg),
	}
}

// software is the version of asterfed that runs, as a word.
func (n *Node) software() string {
	v := liveness.Printable(n.version)
	return v[:min(len(v), 40)]
}

func (n *Node) setTags() {
	if err := n.gossip.SetTags(n.tags()); err != nil && n.tasks.ctx.Err() == nil {
		n.log.Warn("tags not set", "err", err)
	}
}

// followTags keeps the tags level with the node's own state.
func (n *Node) followTags() {
	last := ""
	for {
		bell := n.primary.Changed()
		if state := string(n.primary.Node().State) + n.primary.Version().Epoch; state != last {
			last = state
			n.setTags()
		}
		select {
		case <-n.tasks.ctx.Done():
			return
		case <-bell:
		}
	}
}
