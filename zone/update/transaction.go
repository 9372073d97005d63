package update

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/miekg/dns"
)

// transaction is one UPDATE in progress: the names that it has touched and what it
// would leave at each. Nothing has changed until its changes are applied.
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
	stated   map[location.ContactID]bool // their update said since when they are there
}

func (t *transaction) owner(name string) *owner {
	if o := t.at[name]; o != nil {
		return o
	}
	o := &owner{was: map[location.ContactID]location.Binding{}, added: map[location.ContactID]bool{}, stated: map[location.ContactID]bool{}}
	if o.kinds, o.name = record.ParseOwner(name, t.apex); len(o.kinds) > 0 {
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
	b, since, err := t.parseAdded(rr)
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
	delete(o.stated, b.Contact)
	if since != "" && t.rules.since(b) {
		s, err := t.stamp(since)
		if err != nil {
			return refused("add %s: %v", name, err)
		}
		b.Stamp = max(b.Stamp, s) // what was claimed later stays so
		o.stated[b.Contact] = true
	}
	o.now[b.Contact] = b
	o.added[b.Contact] = true
	return nil
}

// clear withdraws what updates have published at a name. Registrations and the
// bindings of a source stay.
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
// the name since: that is what a REGISTER would do. An update that says since
// when somebody is there claims nothing now.
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
			claims := b.Kind == location.User && o.added[id] && (!sameButKey(b, old) || newest >= old.Stamp)
			if (!known || claims) && !o.stated[id] {
				b.Stamp = t.home.Clock.Next(max(newest, old.Stamp))
			}
			if b != old {
				out = append(out, location.Change{Old: old, New: b})
			}
		}
	}
	return out
}

// sameButKey reports whether two bindings differ in nothing or only in the key that
// has published them: a version that did not keep it yet moves nobody.
func sameButKey(b, old location.Binding) bool {
	if b == old {
		return true
	}
	d := b.Info.Details()
	d.Key = old.Info.Details().Key
	b.Info = location.NewInfo(d)
	return b == old
}

// bounded refuses an update that would leave too much of its key, or at a name.
// What is too much already may stay, and be changed.
func (t *transaction) bounded() error {
	more := 0
	mine := func(b location.Binding) bool {
		d := b.Info.Details()
		return d.By == "" && d.Key == t.key
	}
	for _, o := range t.order {
		for id, b := range o.now {
			if mine(b) && !mine(o.was[id]) {
				more++
			}
		}
		for id, b := range o.was {
			if mine(b) && !mine(o.now[id]) {
				more--
			}
		}
		if len(o.now) <= len(o.was) {
			continue
		}
		if n := len(o.now) + t.registered(o); n > maxPerName {
			return refused("%s would have %d records: one name has at most %d", o.name, n, maxPerName)
		}
	}
	if have, most := t.pubs.CountKey(t.key), t.rules.quota(); more > 0 && have+more > most {
		return refused("the key would have %d records and its quota is %d: withdraw some, or raise quota in its update line", have+more, most)
	}
	return nil
}

// registered returns how many registrations share an owner name.
func (t *transaction) registered(o *owner) (n int) {
	if !slices.Contains(o.kinds, location.User) {
		return 0
	}
	for _, b := range t.home.Users(o.name.Fold()) {
		if b.Kind.Registered() {
			n++
		}
	}
	return n
}

func sorted(m map[location.ContactID]location.Binding) []location.ContactID {
	return slices.SortedFunc(maps.Keys(m), func(a, b location.ContactID) int {
		if d := strings.Compare(m[a].Kind.String(), m[b].Kind.String()); d != 0 {
			return d
		}
		return strings.Compare(a.String(), b.String())
	})
}
