package answer

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/miekg/dns"
)

// Delegation hands a block of numbers to the name servers of another
// federation: a question below it is referred there (RFC 1034 §4.3.2).
type Delegation struct {
	Block   string // digits
	Servers []NameServer
	DS      []*dns.DS // the block's secure entry points, with any owner; none if it is not signed
}

// NameServer is a server of a delegation, with the addresses to reach it at:
// glue, where its name is in the zone that it serves.
type NameServer struct {
	Name  string // FQDN
	Addrs []netip.Addr
}

// CheckDelegations reports what cannot be: a block without servers, one within
// another, or a server whose name this zone would have to answer for.
func CheckDelegations(list []Delegation, origin string) error {
	for i, d := range list {
		if len(d.Servers) == 0 {
			return fmt.Errorf("delegation of +%s: want at least one name server", d.Block)
		}
		apex := record.ENUM(d.Block) + "e164." + origin
		for _, s := range d.Servers {
			if dns.IsSubDomain(origin, s.Name) && !dns.IsSubDomain(apex, s.Name) {
				return fmt.Errorf("delegation of +%s: %s is a name of this zone, but not within the block, so that no address is answered for it: "+
					"want a name of another zone, or one below %s with its address", d.Block, s.Name, apex)
			}
		}
		for j, o := range list {
			if i != j && strings.HasPrefix(d.Block, o.Block) {
				return fmt.Errorf("delegation of +%s lies within that of +%s", d.Block, o.Block)
			}
		}
	}
	return nil
}

// cut is a delegation as it is answered.
type cut struct {
	block    string
	owner    string
	ns, glue []dns.RR
	ds       []dns.RR
}

func newCuts(list []Delegation, origin string, ttl uint32) (out []cut) {
	for _, d := range list {
		c := cut{block: d.Block, owner: record.ENUM(d.Block) + "e164." + origin}
		hdr := func(name string, t uint16) dns.RR_Header {
			return dns.RR_Header{Name: name, Rrtype: t, Class: dns.ClassINET, Ttl: ttl}
		}
		for _, s := range d.Servers {
			c.ns = append(c.ns, &dns.NS{Hdr: hdr(c.owner, dns.TypeNS), Ns: s.Name})
			for _, a := range s.Addrs {
				if a.Is4() {
					c.glue = append(c.glue, &dns.A{Hdr: hdr(s.Name, dns.TypeA), A: a.AsSlice()})
				} else {
					c.glue = append(c.glue, &dns.AAAA{Hdr: hdr(s.Name, dns.TypeAAAA), AAAA: a.AsSlice()})
				}
			}
		}
		for _, ds := range d.DS {
			x := *ds
			x.Hdr = hdr(c.owner, dns.TypeDS)
			c.ds = append(c.ds, &x)
		}
		out = append(out, c)
	}
	return out
}

// cutAbove returns the delegation that holds the digits, nil if none does.
func (v *Zone) cutAbove(digits string) *cut {
	for i := range v.cuts {
		if strings.HasPrefix(digits, v.cuts[i].block) {
			return &v.cuts[i]
		}
	}
	return nil
}

// cutBelow reports whether the digits lead to a delegation.
func (v *Zone) cutBelow(digits string) bool {
	for i := range v.cuts {
		if strings.HasPrefix(v.cuts[i].block, digits) {
			return true
		}
	}
	return false
}

// refer answers at or below a cut. What the parent says at the cut itself, DS,
// is an answer of its own (RFC 4035 §3.1.4.1).
func (q query) refer(c *cut, n number) Result {
	if q.qtype == dns.TypeDS && n.digits == c.block && n.rest == "" {
		return q.data(c.ds...)
	}
	return Result{Referral: true, Ns: c.ns, DS: c.ds, Extra: c.glue}
}

// Delegated returns the records of all delegations, as a transfer of the zone
// has them: NS and DS at the cuts, and glue. Addresses of names in other zones
// are not among them: a secondary would drop them.
func (v *Zone) Delegated() (out []dns.RR) {
	for _, c := range v.cuts {
		out = append(append(out, c.ns...), c.ds...)
		for _, rr := range c.glue {
			if dns.IsSubDomain(v.origin, rr.Header().Name) {
				out = append(out, rr)
			}
		}
	}
	return out
}

// occluded reports a binding whose number lies in a delegated block: nobody
// is sent to it.
func (v *Zone) occluded(b location.Binding) {
	digits := b.Digits()
	if b.Kind.Named() {
		var ok bool
		if digits, ok = b.AOR.Number(); !ok {
			return
		}
	}
	if c := v.cutAbove(digits); c != nil {
		v.onOccluded(b.AOR, c.block)
	}
}
