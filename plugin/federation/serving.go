package federation

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"

	"github.com/asterfed/asterfed/plugin/federation/config"
	"github.com/asterfed/asterfed/zone"
	"github.com/asterfed/asterfed/zone/dnssec"
	"github.com/asterfed/asterfed/zone/history"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/outbound"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/stream"
	"github.com/asterfed/asterfed/zone/update"
	"github.com/miekg/dns"
)

// Config returns the settings of the node. They must not be modified.
func (r *Runtime) Config() *config.Config { return &r.cfg }

// View returns the merged data that answers are made of.
func (r *Runtime) View() *zone.View { return r.view }

// Logger returns the node's logger.
func (r *Runtime) Logger() *slog.Logger { return r.log }

// Ready reports whether the node knows its own registrations and those of the
// others.
func (r *Runtime) Ready() bool {
	return r.node != nil && r.node.Ready()
}

// Signer returns what signs answers, nil where the zone is not signed.
func (r *Runtime) Signer() *dnssec.Signer { return r.signer }

// History returns the log of the past, nil where none is kept.
func (r *Runtime) History() *history.Log { return r.node.History() }

// FederationZone returns the zone that secondaries transfer.
func (r *Runtime) FederationZone() *outbound.Zone { return r.outward }

// Allows reports whether the directory allows registrations of an AOR here.
func (r *Runtime) Allows(a location.AOR) bool { return r.node.Allows(a) }

// HandleHeartbeat notes that another node has asked for this node's SOA, with its
// own SOA in soa. It does nothing for a node that is no member.
func (r *Runtime) HandleHeartbeat(node string, soa []dns.RR, from net.Addr) {
	if p := r.node.Peer(node); p != nil {
		p.HandleHeartbeat(soa, from)
	}
}

// HandleNotify takes a NOTIFY of another node's home zone with the change that it
// carries, and reports whether that node is a member.
func (r *Runtime) HandleNotify(node string, answer []dns.RR, from net.Addr) bool {
	p := r.node.Peer(node)
	if p != nil {
		p.HandleNotify(answer, from)
	}
	return p != nil
}

// HomeZone returns the home zone of a node, nil if this node has none to give.
func (r *Runtime) HomeZone(node string) stream.Zone {
	if node == r.cfg.Node {
		if !r.node.Transferable() {
			return nil
		}
		return r.primary
	}
	if h := r.view.Find(node); h != nil && h.Version().Epoch != "" {
		return stream.Replica{Home: h}
	}
	return nil
}

// ApexRecords are the records at the apex of the own home zone.
func (r *Runtime) ApexRecords(apex string) []dns.RR {
	v, n := r.Version(r.cfg.Node)
	return []dns.RR{v.SOA(apex, r.cfg.Origin, r.view.TTL()), stream.NS(apex, r.cfg.Node, r.cfg.Origin, r.view.TTL()),
		record.NodeTXT(n, apex, r.view.TTL())}
}

// Version returns the version of a home zone as this node has it, and what its node
// publishes about itself.
func (r *Runtime) Version(node string) (record.Version, record.Node) {
	if node == r.cfg.Node {
		return r.primary.Version(), r.primary.Node()
	}
	h := r.view.Home(node)
	n, _ := h.Node()
	return h.Version(), n
}

// Published returns the records at a name that rules permit to write.
func (r *Runtime) Published(qname, apex string, rules update.Rules) (out []dns.RR) {
	kinds, name := record.ParseOwner(qname, apex)
	if len(kinds) == 0 {
		return nil
	}
	r.primary.ReadPublished(func(p *location.Publications) {
		for _, b := range p.At(kinds[0], name) {
			if rules.Own(b) {
				out = append(out, record.TXT(b, apex, r.view.TTL()))
			}
		}
	})
	return out
}

// LiveZone returns what this node's Asterisk lists now.
func (r *Runtime) LiveZone() (stream.Zone, error) { return r.node.LiveZone() }

// LiveChannels returns records of the channels that there are now.
func (r *Runtime) LiveChannels(owner string) ([]dns.RR, error) { return r.node.LiveChannels(owner) }

// Status returns records that say how this node is, and what needs a person.
func (r *Runtime) Status(owner string) ([]dns.RR, error) {
	if r.node == nil {
		return nil, errors.New("the node has just started")
	}
	return r.node.Status(owner), nil
}

// SecondaryAsked is to be called for each request that the key of a secondary has
// signed.
func (r *Runtime) SecondaryAsked(key string, from netip.Addr) { r.notifiers.Asked(key, from) }
