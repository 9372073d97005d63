package update

import (
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/miekg/dns"
)

// Home is the home zone that updates are for, as this node knows it. Its
// functions are called while the zone has one writer, the caller of Decide,
// and must not call back.
type Home struct {
	Node   string
	Origin string // federation zone, lower-case FQDN
	// Apex returns SOA, NS and TXT of the zone as they are now.
	Apex func() []dns.RR
	// Users returns the bindings at a folded AOR, registrations included.
	Users func(key string) []location.Binding
	// Newest returns the newest stamp that a binding competes with.
	Newest func(location.Binding) location.Stamp
	// Allows reports whether a user may have his home here; nil allows all.
	Allows func(location.AOR) bool
	Clock  *location.Clock
	Now    func() time.Time
}

func (h *Home) apex() string { return record.HomeZone(h.Node, h.Origin) }

// CheckZone judges the zone section (RFC 2136 §3.1): NOTAUTH says which node
// an update for another home zone belongs to.
func (h *Home) CheckZone(m *dns.Msg) error {
	if len(m.Question) != 1 {
		return formErr("the zone section holds %d records, want one", len(m.Question))
	}
	q := m.Question[0]
	name := dns.CanonicalName(q.Name)
	switch node, home := record.HomeOf(name, h.Origin); {
	case q.Qtype != dns.TypeSOA:
		return formErr("the type in the zone section is %s, want SOA", dns.Type(q.Qtype))
	case q.Qclass != dns.ClassINET:
		return refuse(dns.RcodeNotAuth, "class %s: want IN", dns.Class(q.Qclass))
	case name == h.apex():
		return nil
	case home:
		return refuse(dns.RcodeNotAuth, "%s is the home zone of %s: send the update there, it is not forwarded", name, node)
	}
	return refuse(dns.RcodeNotAuth, "%s takes no updates: the zone to update is %s", name, h.apex())
}

// Decide returns the changes that an UPDATE makes, signed with the key of that
// name, for which these rules stand. The error is a *Refusal; nothing is to be changed then.
// The changes are not applied to pubs.
func (h *Home) Decide(m *dns.Msg, key string, pubs *location.Publications, rules Rules) ([]location.Change, error) {
	if err := h.CheckZone(m); err != nil {
		return nil, err
	}
	t := &transaction{home: h, apex: h.apex(), pubs: pubs, rules: rules, key: location.KeyName(key), now: h.Now(), at: map[string]*owner{}}
	if err := t.prerequisites(m.Answer); err != nil {
		return nil, err
	}
	if err := t.prescan(m.Ns); err != nil {
		return nil, err
	}
	for _, rr := range m.Ns {
		if err := t.apply(rr); err != nil {
			return nil, err
		}
	}
	if err := t.bounded(); err != nil {
		return nil, err
	}
	return t.changes(), nil
}

// prescan judges the update section before anything of it is done (RFC 2136
// §3.4.1).
func (t *transaction) prescan(updates []dns.RR) error {
	for _, rr := range updates {
		h := rr.Header()
		if !dns.IsSubDomain(t.apex, dns.CanonicalName(h.Name)) {
			return refuse(dns.RcodeNotZone, "%s is not in the zone %s", h.Name, t.apex)
		}
		what := dns.Class(h.Class).String() + " " + dns.Type(h.Rrtype).String() + " at " + h.Name
		switch h.Class {
		case dns.ClassINET:
			if meta(h.Rrtype) || h.Rdlength == 0 {
				return formErr("%s: to add, want a type that holds data, and the data", what)
			}
		case dns.ClassANY:
			if h.Ttl != 0 || h.Rdlength != 0 || meta(h.Rrtype) && h.Rrtype != dns.TypeANY {
				return formErr("%s: to delete an RRset, want TTL 0 and no data", what)
			}
		case dns.ClassNONE:
			if h.Ttl != 0 || h.Rdlength == 0 || meta(h.Rrtype) {
				return formErr("%s: to delete a record, want TTL 0, and the data", what)
			}
		default:
			return formErr("%s: want class IN, ANY or NONE", what)
		}
	}
	return nil
}

// meta reports whether no record has the type: 0, OPT, and the range of query
// and meta types (RFC 6895 §3.1).
func meta(t uint16) bool { return t == dns.TypeNone || t == dns.TypeOPT || t >= 128 && t <= 255 }
