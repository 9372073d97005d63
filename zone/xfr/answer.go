package xfr

import (
	"github.com/asterfed/asterfed/zone"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/miekg/dns"
)

// perMessage is how many records go into one message of a transfer: well
// below 64 KiB with about 100 octets each.
const perMessage = 300

// Zone is a home zone that this node can answer transfers of: its own, or
// another's that it holds as a secondary.
type Zone interface {
	// Since returns the deltas from a serial, false if it cannot.
	Since(serial uint32) (zone.Version, []zone.Delta, bool)
	// Snapshot returns the whole zone at one version.
	Snapshot() (zone.Version, zone.Node, []location.Binding)
}

// Held makes a Zone of another node's home as this node holds it. It has no
// history: every answer is the current SOA or a full zone.
type Held struct{ Home *zone.Home }

// Since implements Zone.
func (h Held) Since(serial uint32) (zone.Version, []zone.Delta, bool) {
	v := h.Home.Version()
	return v, nil, v.Serial == serial
}

// Snapshot implements Zone. The version is read before the bindings, so that
// a change in between is sent again, never lost.
func (h Held) Snapshot() (zone.Version, zone.Node, []location.Binding) {
	v := h.Home.Version()
	n, _ := h.Home.Node()
	return v, n, h.Home.Bindings()
}

// Answer calls send with the answer sections of a transfer, one per message.
// A nil held asks for the full zone (AXFR, RFC 5936 §2.2); otherwise held is
// what the secondary has (IXFR, RFC 1995 §4): it gets deltas where the epoch
// is the same and the history reaches back, a lone SOA if it is level, and
// the full zone in all other cases.
func Answer(z Zone, origin string, apex string, ttl uint32, held *zone.Version, send func([]dns.RR) error) error {
	a := answer{apex: apex, origin: origin, ttl: ttl, send: send}
	if held != nil {
		now, deltas, ok := z.Since(held.Serial)
		if ok && now.Epoch == held.Epoch {
			return a.incremental(now, deltas)
		}
	}
	return a.full(z.Snapshot())
}

type answer struct {
	apex, origin string
	ttl          uint32
	send         func([]dns.RR) error
	out          []dns.RR
}

func (a *answer) soa(v zone.Version) dns.RR { return v.SOA(a.apex, a.origin, a.ttl) }

func (a *answer) add(rrs ...dns.RR) error {
	a.out = append(a.out, rrs...)
	if len(a.out) >= perMessage {
		return a.flush()
	}
	return nil
}

func (a *answer) flush() error {
	out := a.out
	a.out = nil
	if len(out) == 0 {
		return nil
	}
	return a.send(out)
}

func (a *answer) incremental(now zone.Version, deltas []zone.Delta) error {
	a.out = append(a.out, a.soa(now))
	for _, d := range deltas {
		a.out = append(a.out, a.soa(zone.Version{Epoch: now.Epoch, Serial: d.From}))
		if d.OldNode != nil {
			a.out = append(a.out, zone.NodeTXT(*d.OldNode, a.apex, a.ttl))
		}
		for _, c := range d.Changes {
			if c.Old.AOR != "" {
				if err := a.add(zone.TXT(c.Old, a.apex, a.ttl)); err != nil {
					return err
				}
			}
		}
		a.out = append(a.out, a.soa(zone.Version{Epoch: now.Epoch, Serial: d.To}))
		if d.Node != nil {
			a.out = append(a.out, zone.NodeTXT(*d.Node, a.apex, a.ttl))
		}
		for _, c := range d.Changes {
			if c.New.AOR != "" {
				if err := a.add(zone.TXT(c.New, a.apex, a.ttl)); err != nil {
					return err
				}
			}
		}
	}
	if len(deltas) > 0 {
		a.out = append(a.out, a.soa(now))
	}
	return a.flush()
}

func (a *answer) full(v zone.Version, n zone.Node, all []location.Binding) error {
	soa := a.soa(v)
	a.out = append(a.out, soa, NS(a.apex, n.Name, a.origin, a.ttl), zone.NodeTXT(n, a.apex, a.ttl))
	for _, b := range all {
		if err := a.add(zone.TXT(b, a.apex, a.ttl)); err != nil {
			return err
		}
	}
	a.out = append(a.out, soa)
	return a.flush()
}

// NS is the one name server that a home zone names: its home.
func NS(apex, node, origin string, ttl uint32) dns.RR {
	return &dns.NS{
		Hdr: dns.RR_Header{Name: apex, Rrtype: dns.TypeNS, Class: dns.ClassINET, Ttl: ttl},
		Ns:  zone.NodeName(node, origin),
	}
}
