package node

import (
	"github.com/asterfed/asterfed/plugin/federation/ami"
	"github.com/asterfed/asterfed/plugin/federation/ami/pbx"
	"github.com/asterfed/asterfed/plugin/federation/ami/registrations"
	"github.com/asterfed/asterfed/zone/peer"
)

// Metrics are the figures of a node at one moment, beside those of its view.
type Metrics struct {
	Peers              map[string]peer.Stats // of the nodes that have not left
	Versions           map[string]string     // of asterfed, by node, this one among them
	Disk               error                 // why the home zone cannot be kept on disk
	Dropped            int64                 // changes that the history lacks
	BadLines, Homeless int64                 // lines of the directory, see source.Directory.BadLines
	Trunks             map[string]bool       // whether calls can leave by each
	Services           map[string]int64      // published, by kind, of those that are followed
	AMI                bool                  // connected, and the registrations are listed
	Client             ami.Stats             // zero without AMI
	Registrations      registrations.Stats   // likewise
}

// Metrics returns the figures of now.
func (n *Node) Metrics() Metrics {
	m := Metrics{Peers: n.peers.stats(), Versions: n.peers.running(), Disk: n.primary.DiskErr(), Trunks: n.asterisk.trunks.Usable(), Services: map[string]int64{},
		AMI: n.asterisk.monitor.Ready()}
	if n.asterisk.source != nil {
		m.Client, m.Registrations = n.asterisk.client.Stats(), n.asterisk.source.Stats()
	}
	m.Versions[n.cfg.Node] = n.tags.software()
	m.BadLines, m.Homeless = n.directory.BadLines()
	if n.history != nil {
		m.Dropped = n.history.Dropped()
	}
	for c := range pbx.NumClasses {
		if n.asterisk.services.Follows(c) {
			kind, count := n.asterisk.services.Count(c)
			m.Services[kind.String()] = count
		}
	}
	return m
}

func (p *peers) stats() map[string]peer.Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make(map[string]peer.Stats, len(p.byName))
	for name, m := range p.byName {
		out[name] = m.peer.Stats()
	}
	return out
}

// running returns which version of asterfed runs on each node that has not left.
func (p *peers) running() map[string]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make(map[string]string, len(p.byName))
	for name := range p.byName {
		if v := p.versions[name]; v != "" {
			out[name] = v
		}
	}
	return out
}
