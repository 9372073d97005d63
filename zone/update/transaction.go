package update

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/asterfed/asterfed/zone"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/miekg/dns"
)

// transaction is one UPDATE at work: what it has looked at and what it would
// leave there. Nothing of it shows until its changes are applied.
type transaction struct {
	home  *Home
	apex  string
	pubs  *location.Publications
	rules Rules
	key   string // with which the UPDATE was signed
	now   time.Time
	at    map[string]*owner
	order []*owner // in which they were first touched
}

// owner is what is published at one owner name, before and after.
type owner struct {
	kinds    []location.Kind // that share the name, none if nothing can stand there
	name     location.AOR
	was, now map[location.ContactID]location.Binding
	added    map[location.ContactID]bool
}

func (t *transaction) owner(name string) *owner {
	if o := t.at[name]; o != nil {
		return o
	}
	o := &owner{was: map[location.ContactID]location.Binding{}, added: map[location.ContactID]bool{}}
	if o.kinds, o.name = zone.ParseOwner(name, t.apex); len(o.kinds) > 0 {
		for _, b := range t.pubs.At(o.kinds[0], o.name) {
			o.was[b.Contact] = b
		}
	}
	o.now = maps.Clone(o.was)
	t.at[name] = o
	t.order = append(t.order, o)
	return o
}

// apply does what one record of the update section says (RFC 2136 §3.4.2).
func (t *transaction) apply(rr dns.RR) error {
	h := rr.Header()
	name := dns.CanonicalName(h.Name)
	switch {
	case name == t.apex && h.Class != dns.ClassINET && (h.Rrtype == dns.TypeSOA || h.Rrtype == dns.TypeNS):
		return nil // RFC 2136 §3.4.2.3, §3.4.2.4: these stay
	case h.Rrtype != dns.TypeTXT && h.Rrtype != dns.TypeANY:
		return refused("%s at %s: a home zone takes TXT records only", dns.Type(h.Rrtype), name)
	case h.Class == dns.ClassANY:
		return t.clear(name)
	case name == t.apex:
		return refused("the TXT at %s is the node's own", name)
	}
	txt, ok := rr.(*dns.TXT)
	if !ok || len(txt.Txt) == 0 {
		return formErr("TXT at %s has no text", name)
	}
	if k, err := kindOf(txt); err == nil && k.Registered() {
		return refused("k=%s at %s: only the registrar adds and removes its contacts", k, name)
	}
	if h.Class == dns.ClassINET {
		return t.add(name, txt)
	}
	return t.delete(name, txt)
}

// add publishes a binding; one with the same identity is replaced.
func (t *transaction) add(name string, rr *dns.TXT) error {
	b, err := t.parseAdded(rr)
	if err != nil {
		return refused("add %s: %v", name, err)
	}
	if b.Kind == location.User && t.home.Allows != nil && !t.home.Allows(b.AOR) {
		return refused("add %s: the directory does not allow %s a home here", name, b.AOR)
	}
	if !t.rules.permit(b) {
		return refused("add %s: no update line of the key permits k=%s at %s", name, b.Kind, spell(b))
	}
	o := t.owner(name)
	d := b.Info.Details()
	d.Key = t.key
	b.Info, b.Stamp = location.NewInfo(d), 0
	if old, ok := o.was[b.Contact]; ok {
		if by := old.Info.Details().By; by != "" {
			return refused("add %s: k=%s at %s is kept up to date by %s", name, b.Kind, spell(b), by)
		}
		b.Stamp = old.Stamp
	}
	o.now[b.Contact] = b
	o.added[b.Contact] = true
	return nil
}

// clear withdraws all that is published at a name. Registrations stay, and
// what a source keeps up to date.
func (t *transaction) clear(name string) error {
	o := t.owner(name)
	if len(o.kinds) == 0 {
		return nil
	}
	if !slices.ContainsFunc(o.kinds, func(k location.Kind) bool { return t.rules.permit(pretend(k, o.name)) }) {
		return refused("delete %s: no update line of the key permits %s", name, o.name)
	}
	return t.withdraw(name, func(b location.Binding) bool { return b.Info.Details().By == "" })
}

// delete withdraws the bindings that a record means.
func (t *transaction) delete(name string, rr *dns.TXT) error {
	kind, means, err := parseDeleted(rr)
	o := t.owner(name)
	if err != nil || !slices.Contains(o.kinds, kind) {
		return nil // no such record: silently ignored (RFC 2136 §3.4.2.4)
	}
	if !t.rules.permit(pretend(kind, o.name)) && !slices.ContainsFunc(slices.Collect(maps.Values(o.now)), means) {
		return refused("delete %s: no update line of the key permits k=%s at %s", name, kind, o.name)
	}
	return t.withdraw(name, means)
}

func (t *transaction) withdraw(name string, means func(location.Binding) bool) error {
	o := t.owner(name)
	for id, b := range o.now {
		if !means(b) {
			continue
		}
		switch by := b.Info.Details().By; {
		case !t.rules.permit(b):
			return refused("delete %s: no update line of the key permits k=%s at %s", name, b.Kind, spell(b))
		case by != "":
			return refused("delete %s: k=%s at %s is kept up to date by %s", name, b.Kind, spell(b), by)
		}
		delete(o.now, id)
	}
	return nil
}

// pretend returns a binding to ask the rules about where there is none.
func pretend(k location.Kind, name location.AOR) location.Binding {
	b := location.Binding{Kind: k, AOR: name}
	if k == location.Range {
		b.Info = location.NewInfo(location.Details{To: string(name)})
	}
	return b
}

func spell(b location.Binding) string {
	s := string(b.AOR)
	if to := b.Info.Details().To; to != "" {
		s += " to " + to
	}
	return s
}

// changes compares before and after. What is new is stamped; so is a user who
// is published again, if that changes anything or somebody else has claimed
// the name since: that is what a REGISTER would do.
func (t *transaction) changes() []location.Change {
	var out []location.Change
	for _, o := range t.order {
		for _, id := range sorted(o.was) {
			if _, stays := o.now[id]; !stays {
				out = append(out, location.Change{Old: o.was[id]})
			}
		}
		for _, id := range sorted(o.now) {
			old, known := o.was[id]
			b := o.now[id]
			newest := t.home.Newest(b)
			claims := b.Kind == location.User && o.added[id] && (b != old || newest >= old.Stamp)
			if !known || claims {
				b.Stamp = t.home.Clock.Next(max(newest, old.Stamp))
			}
			if b != old {
				out = append(out, location.Change{Old: old, New: b})
			}
		}
	}
	return out
}

func sorted(m map[location.ContactID]location.Binding) []location.ContactID {
	return slices.SortedFunc(maps.Keys(m), func(a, b location.ContactID) int {
		if d := strings.Compare(m[a].Kind.String(), m[b].Kind.String()); d != 0 {
			return d
		}
		return strings.Compare(a.String(), b.String())
	})
}
