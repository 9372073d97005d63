package xfr

import (
	"github.com/asterfed/asterfed/zone"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/miekg/dns"
)

// perMessage is how many records go into one message of a transfer, and
// maxOctets how long they may be before compression: what is too long for a
// TCP message (64 KiB, RFC 1035 §4.2.2) would never arrive.
const (
	perMessage = 300
	maxOctets  = 60_000
)

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
	octets       int // of out, uncompressed
}

func (a *answer) soa(v zone.Version) dns.RR { return v.SOA(a.apex, a.origin, a.ttl) }

func (a *answer) add(rr dns.RR) error {
	n := dns.Len(rr)
	if len(a.out) >= perMessage || a.octets+n > maxOctets {
		if err := a.flush(); err != nil {
			return err
		}
	}
	a.out, a.octets = append(a.out, rr), a.octets+n
	return nil
}

func (a *answer) flush() error {
	out := a.out
	a.out, a.octets = nil, 0
	if len(out) == 0 {
		return nil
	}
	return a.send(out)
}

func (a *answer) incremental(now zone.Version, deltas []zone.Delta) error {
	if err := a.add(a.soa(now)); err != nil {
		return err
	}
	for _, d := range deltas {
		if err := a.side(zone.Version{Epoch: now.Epoch, Serial: d.From}, d.OldNode, d.Changes, oldOf); err != nil {
			return err
		}
		if err := a.side(zone.Version{Epoch: now.Epoch, Serial: d.To}, d.Node, d.Changes, newOf); err != nil {
			return err
		}
	}
	if len(deltas) > 0 {
		if err := a.add(a.soa(now)); err != nil {
			return err
		}
	}
	return a.flush()
}

func oldOf(c location.Change) location.Binding { return c.Old }
func newOf(c location.Change) location.Binding { return c.New }

// side writes what a delta deletes or adds, behind the SOA that says so.
func (a *answer) side(v zone.Version, node *zone.Node, changes []location.Change, of func(location.Change) location.Binding) error {
	if err := a.add(a.soa(v)); err != nil {
		return err
	}
	if node != nil {
		if err := a.add(zone.NodeTXT(*node, a.apex, a.ttl)); err != nil {
			return err
		}
	}
	for _, c := range changes {
		if b := of(c); b.Kind != 0 {
			if err := a.add(zone.TXT(b, a.apex, a.ttl)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *answer) full(v zone.Version, n zone.Node, all []location.Binding) error {
	soa := a.soa(v)
	for _, rr := range []dns.RR{soa, NS(a.apex, n.Name, a.origin, a.ttl), zone.NodeTXT(n, a.apex, a.ttl)} {
		if err := a.add(rr); err != nil {
			return err
		}
	}
	for _, b := range all {
		if err := a.add(zone.TXT(b, a.apex, a.ttl)); err != nil {
			return err
		}
	}
	if err := a.add(soa); err != nil {
		return err
	}
	return a.flush()
}

// NS is the one name server that a home zone names: its home.
func NS(apex, node, origin string, ttl uint32) dns.RR {
	return &dns.NS{
		Hdr: dns.RR_Header{Name: apex, Rrtype: dns.TypeNS, Class: dns.ClassINET, Ttl: ttl},
		Ns:  zone.NodeName(node, origin),
	}
}
