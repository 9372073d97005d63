package federation

import (
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/stream"
	"github.com/miekg/dns"
)

// homeZone returns the home zone of a node, nil if this node has none to give.
func (r *authority) homeZone(node string) stream.Zone {
	if node == r.cfg.Node {
		if !r.node.Transferable() {
			return nil
		}
		return r.primary
	}
	if h := r.zone.Find(node); h != nil && h.Version().Epoch != "" {
		return stream.Replica{Home: h}
	}
	return nil
}

// apexRecords are the records at the apex of the own home zone.
func (r *authority) apexRecords(apex string) []dns.RR {
	v, n := r.version(r.cfg.Node)
	return []dns.RR{v.SOA(apex, r.cfg.Origin, r.zone.TTL()), stream.NS(apex, r.cfg.Node, r.cfg.Origin, r.zone.TTL()),
		record.NodeTXT(n, apex, r.zone.TTL())}
}

// version returns the version of a home zone as this node has it, and what its node
// publishes about itself.
func (r *authority) version(node string) (record.Version, record.Node) {
	if node == r.cfg.Node {
		return r.primary.Version(), r.primary.Node()
	}
	h := r.zone.Home(node)
	n, _ := h.Node()
	return h.Version(), n
}
