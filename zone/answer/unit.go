package answer

import (
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
)

// A unit of a transferred zone is what changes together: an owner name with
// those below it that come and go with it, a wildcard or SRV owners. It is
// called by the owner name, relative to the origin; "" is the apex.

// serviceLabels are the SRV owners below a name.
var serviceLabels = func() (out []string) {
	for _, s := range record.SRVServices {
		out = append(out, s.Label+".")
	}
	return append(out, record.IAXLabel+".")
}()

// Records returns the records of a unit, as queries for its names are answered,
// with what a copy of the zone needs to answer alike: blocks stand as wildcards
// beneath every node of the ENUM tree that they cover. SOA and delegations are
// not among them. The RRs are shared and must not be modified.
func (v *Zone) Records(unit string) (out []dns.RR) {
	ask := func(prefix string, types ...uint16) {
		owner := prefix + under(unit, v.origin)
		if len(owner) >= 255 { // RFC 1035 §2.3.4: nobody can ask for it
			return
		}
		for _, t := range types {
			if r := (query{v: v, qname: owner, qtype: t, transfer: true}).answer(); !r.Referral {
				out = append(out, r.Answer...)
			}
		}
	}
	services := func() {
		for _, l := range serviceLabels {
			ask(l, dns.TypeSRV)
		}
	}
	head, tree := record.CutLast(unit)
	switch tree {
	case "":
		ask("", dns.TypeNS, dns.TypeNAPTR)
		services()
	case "e164":
		v.digitRecords(head, ask)
	case "isn":
		if head == "" {
			ask("", dns.TypeTXT)
			return out
		}
		rest, itad := record.CutLast(head)
		if itad == v.itad {
			v.digitRecords(rest, ask)
		}
	default:
		if head == "" {
			ask("", dns.TypeTXT)
			return out
		}
		if tree == "nodes" {
			ask("", dns.TypeA, dns.TypeAAAA)
		}
		ask("", dns.TypeNAPTR, dns.TypeTXT)
		services()
	}
	return out
}

// under returns the owner name of a unit.
func under(unit, origin string) string {
	if unit == "" {
		return origin
	}
	return unit + "." + origin
}

// digitRecords asks for a node of the ENUM tree, if it is one.
func (v *Zone) digitRecords(rel string, ask func(string, ...uint16)) {
	digits, ok := record.ParseENUM(rel)
	if !ok && rel != "" || digits != "" && !v.stands(digits) {
		return
	}
	ask("", dns.TypeNAPTR, dns.TypeTXT)
	if !v.Lengths().Cover.None() {
		ask("*.", dns.TypeNAPTR, dns.TypeTXT)
	}
}

// Fixed returns the units that do not depend on bindings: the apex, the trees
// and the nodes.
func (v *Zone) Fixed() []string {
	out := []string{"", "users", "e164", "nodes", record.TrunksTree, record.ProvidersTree, record.ServicesTree}
	if v.itad != "" {
		out = append(out, "isn", v.itad+".isn")
	}
	for _, h := range v.Homes() {
		out = append(out, h.Name+".nodes")
	}
	return out
}

// UnitsOf calls f with the units that a change of a key's claims may change.
// Those below a block are not among them: see Nodes.
func (v *Zone) UnitsOf(key view.Key, f func(unit string)) {
	if tree, name, ok := key.Tree(); ok {
		f(name + "." + tree)
	} else if digits, ok := key.Digits(); ok {
		v.line(digits, f)
	} else if folded, ok := key.User(); ok {
		f(folded + ".users")
		if digits, ok := location.AOR(folded).Number(); ok {
			v.line(digits, f)
		}
	}
}

// line calls f with the digits' units and, where there are blocks, those above:
// a node that comes or goes changes what wildcards stand there.
func (v *Zone) line(digits string, f func(string)) {
	v.digitUnits(digits, f)
	for n := len(digits) - 1; n >= 0 && !v.Lengths().Cover.None(); n-- {
		v.digitUnits(digits[:n], f)
	}
}

func (v *Zone) digitUnits(digits string, f func(string)) {
	name := record.ENUM(digits)
	f(name + "e164")
	if v.itad != "" {
		f(name + v.itad + ".isn")
	}
}

// Nodes calls f with the units of every node of the ENUM tree whose digits
// fit, some of them more than once.
func (v *Zone) Nodes(fits func(digits string) bool, f func(unit string)) {
	node := func(digits string) {
		if fits(digits) {
			v.digitUnits(digits, f)
		}
	}
	node("")
	for _, c := range v.cuts {
		for n := 1; n < len(c.block); n++ {
			node(c.block[:n])
		}
	}
	v.EachNumber(node)
}

// Covered reports whether a stem is a number that stands nowhere by itself, so
// that what covers it answers for it: any number nearby may change that where
// there are wildcards.
func (v *Zone) Covered(stem string) bool {
	digits, ok := location.AOR(stem).Number()
	return ok && len(v.numbered(nil, digits)) == 0
}
