package update

import (
	"slices"
	"strings"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/miekg/dns"
)

// rrset names one RRset.
type rrset struct {
	name string // lower-case
	typ  uint16
}

// prerequisites judges the prerequisite section (RFC 2136 §3.2). It sees the
// whole home zone, registrations included, and no other.
func (t *transaction) prerequisites(list []dns.RR) error {
	values := map[rrset][]dns.RR{}
	var order []rrset
	for _, rr := range list {
		h := rr.Header()
		name := dns.CanonicalName(h.Name)
		what := dns.Type(h.Rrtype).String() + " at " + name
		switch {
		case h.Ttl != 0:
			return formErr("prerequisite %s has a TTL", what)
		case !dns.IsSubDomain(t.apex, name):
			return refuse(dns.RcodeNotZone, "prerequisite: %s is not in the zone %s", name, t.apex)
		case (h.Class == dns.ClassANY || h.Class == dns.ClassNONE) && h.Rdlength != 0:
			return formErr("prerequisite %s has data", what)
		case meta(h.Rrtype) && (h.Rrtype != dns.TypeANY || h.Class == dns.ClassINET):
			return formErr("prerequisite %s: there is no such RRset", what)
		}
		switch h.Class {
		case dns.ClassANY:
			if err := t.wantThere(name, h.Rrtype); err != nil {
				return err
			}
		case dns.ClassNONE:
			if err := t.wantAbsent(name, h.Rrtype); err != nil {
				return err
			}
		case dns.ClassINET:
			set := rrset{name, h.Rrtype}
			if values[set] == nil {
				order = append(order, set)
			}
			values[set] = append(values[set], rr)
		default:
			return formErr("prerequisite %s has class %s: want IN, ANY or NONE", what, dns.Class(h.Class))
		}
	}
	for _, set := range order {
		if !t.equal(t.records(set.name, set.typ), values[set]) {
			return refuse(dns.RcodeNXRrset, "prerequisite: %s at %s is not what it should be", dns.Type(set.typ), set.name)
		}
	}
	return nil
}

// wantThere: "RRset exists (value independent)" and "name is in use" (§2.4.1,
// §2.4.4).
func (t *transaction) wantThere(name string, typ uint16) error {
	switch {
	case len(t.records(name, typ)) > 0:
		return nil
	case typ == dns.TypeANY:
		return refuse(dns.RcodeNameError, "prerequisite: %s is not in use", name)
	}
	return refuse(dns.RcodeNXRrset, "prerequisite: there is no %s at %s", dns.Type(typ), name)
}

// wantAbsent: "RRset does not exist" and "name is not in use" (§2.4.3, §2.4.5).
func (t *transaction) wantAbsent(name string, typ uint16) error {
	switch {
	case len(t.records(name, typ)) == 0:
		return nil
	case typ == dns.TypeANY:
		return refuse(dns.RcodeYXDomain, "prerequisite: %s is in use", name)
	}
	return refuse(dns.RcodeYXRrset, "prerequisite: there is a %s at %s", dns.Type(typ), name)
}

// records returns the records of a type, or of all, at a name.
func (t *transaction) records(name string, typ uint16) []dns.RR {
	var out []dns.RR
	if name == t.apex {
		out = t.home.Apex()
	} else {
		for _, b := range t.bindings(name) {
			out = append(out, record.TXT(b, t.apex, 0))
		}
	}
	return slices.DeleteFunc(out, func(rr dns.RR) bool { return typ != dns.TypeANY && rr.Header().Rrtype != typ })
}

// bindings returns all that stands at a name before the update.
func (t *transaction) bindings(name string) []location.Binding {
	if user, ok := strings.CutSuffix(name, ".users."+t.apex); ok {
		return t.home.Users(user)
	}
	var out []location.Binding
	for _, b := range t.owner(name).was {
		out = append(out, b)
	}
	return out
}

// equal compares RRsets as sets (§3.2.3). A binding may be written in any form
// that publishes it; its stamp counts only if it is given. Each record is parsed
// once: a message may have thousands.
func (t *transaction) equal(have, want []dns.RR) bool {
	a, b := t.values(have, false), t.values(want, true)
	covered := make([]bool, len(b))
	for _, x := range a {
		found := false
		for i, y := range b {
			if x.is(y) {
				covered[i], found = true, true
			}
		}
		if !found {
			return false
		}
	}
	return !slices.Contains(covered, false)
}

// value is a record of a prerequisite, and the binding that it means if it means
// one.
type value struct {
	rr      dns.RR
	binding location.Binding
	bound   bool
}

// values parses records. Those that somebody wrote may lack the version.
func (t *transaction) values(rrs []dns.RR, written bool) []value {
	out := make([]value, len(rrs))
	for i, rr := range rrs {
		out[i].rr = rr
		txt, ok := rr.(*dns.TXT)
		if !ok || dns.CanonicalName(txt.Hdr.Name) == t.apex {
			continue
		}
		if written {
			txt = versioned(txt)
		}
		b, _, err := record.ParseTXT(txt, t.apex)
		out[i].binding, out[i].bound = b, err == nil
	}
	return out
}

// is reports whether want, as somebody wrote it, means have.
func (have value) is(want value) bool {
	if !have.bound || !want.bound {
		return dns.IsDuplicate(have.rr, want.rr)
	}
	b := have.binding
	if want.binding.Stamp == 0 {
		b.Stamp = 0
	}
	return b == want.binding
}
