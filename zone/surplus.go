package zone

import (
	"errors"
	"fmt"
	"slices"

	"github.com/asterfed/asterfed/zone/location"
)

// A home may have location.MaxPerName registrations of one name, and as many
// published bindings. Every change of a name copies its claims, so that without
// a bound one name could take all memory and time. The source refuses what is
// beyond, and so does every receiver, since a source may be of an earlier
// version or hostile.

// ErrUnpublishable is the error of a binding that cannot be published, whoever
// wants it.
var ErrUnpublishable = errors.New("it cannot be published")

// Surplus returns how many bindings of the home were refused because it has as
// many of their name as a home may have.
func (h *Home) Surplus() int64 { return h.surplus.Load() }

// refuse counts a binding that the home has no room for.
func (h *Home) refuse(b location.Binding) {
	h.surplus.Add(1)
	if h.view.onSurplus != nil {
		h.view.onSurplus(h.Name, b)
	}
}

// full reports whether the home has no room for b among the claims of a name.
// One that replaces another needs none.
func (h *Home) full(claims []claim, c *location.Change) bool {
	if len(claims) < location.MaxPerName || c.New.Kind == 0 {
		return false
	}
	n := 0
	for i := range claims {
		cl := &claims[i]
		if cl.home != h || cl.b.Kind.Registered() != c.New.Kind.Registered() {
			continue
		}
		if cl.b.Contact == c.New.Contact && cl.b.AOR == c.New.AOR || cl.b.Contact == c.Old.Contact && cl.b.AOR == c.Old.AOR {
			return false
		}
		n++
	}
	return n >= location.MaxPerName
}

// fullRoute is full for a binding that stands under several keys: it is taken
// under all of them or under none.
func (h *Home) fullRoute(keys []string, c location.Change) bool {
	return slices.ContainsFunc(keys, func(key string) bool { return h.full(h.view.routes.load(key).claims(), &c) })
}

// gathered returns claims with all of the bindings, which are of one name, in
// rank order. Where an identity comes twice, the last one counts.
func (h *Home) gathered(claims []claim, all []location.Binding, at []int) []claim {
	type id struct {
		aor     location.AOR
		contact location.ContactID
	}
	out := slices.Clone(claims)
	own := make(map[id]int, len(at)) // index in out
	for i, c := range out {
		if c.home == h {
			own[id{c.b.AOR, c.b.Contact}] = i
		}
	}
	n := len(own) // all of a name's claims by registrations, or all of them published, nearly always
	for _, i := range at {
		b := all[i]
		if j, known := own[id{b.AOR, b.Contact}]; known {
			out[j].b = b
			continue
		}
		if n >= location.MaxPerName && h.full(out, &location.Change{New: b}) {
			h.refuse(b)
			continue
		}
		own[id{b.AOR, b.Contact}] = len(out)
		out, n = append(out, claim{h, b}), n+1
	}
	slices.SortFunc(out, h.view.compare)
	return out
}

// room counts what the home publishes under each key while changes are put
// together. The zero value is not usable; see Primary.room.
type room struct {
	home  *Home
	under map[string]int
}

// room returns the room that there is now.
func (p *Primary) room() room { return room{p.home, map[string]int{}} }

// keysOf returns the keys that a published binding stands under.
func keysOf(b location.Binding) []string {
	if b.Kind.Named() {
		return []string{b.AOR.Fold()}
	}
	return routeKeys(b)
}

// count returns how many bindings stand under a key.
func (r room) count(b location.Binding, key string) int {
	n, known := r.under[key]
	if !known {
		var claims []claim
		if b.Kind.Named() {
			claims = r.home.view.names.load(key).claims()
		} else {
			claims = r.home.view.routes.load(key).claims()
		}
		for i := range claims {
			if claims[i].home == r.home && !claims[i].b.Kind.Registered() {
				n++
			}
		}
	}
	return n
}

// take makes room for what replaces old, which may be nothing. The error says
// that there is none.
func (r room) take(c location.Change) error {
	if c.Old.Kind != 0 {
		for _, key := range keysOf(c.Old) {
			r.under[key] = r.count(c.Old, key) - 1
		}
	}
	if c.New.Kind == 0 {
		return nil
	}
	keys := keysOf(c.New)
	for _, key := range keys {
		if r.count(c.New, key) >= location.MaxPerName {
			return fmt.Errorf("k=%s at %s: this node publishes %d bindings of that name already, and no more of one name can be: %w",
				c.New.Kind, c.New.AOR, location.MaxPerName, ErrUnpublishable)
		}
	}
	for _, key := range keys {
		r.under[key] = r.count(c.New, key) + 1
	}
	return nil
}

// trimJournal makes what the view has taken of the journal all that is kept, in
// store, publications and journal: an earlier version may have kept more of a
// name than there is room for. No step leads from what secondaries have to that.
func (p *Primary) trimJournal(clock *location.Clock, rival func(location.AOR) location.Stamp) {
	n := p.home.Surplus()
	if n == 0 {
		return
	}
	for range n {
		p.leaveOut("journal", fmt.Errorf("more than %d bindings of one name", location.MaxPerName))
	}
	p.store, p.pubs = location.NewStore(clock, rival), location.NewPublications()
	for _, b := range p.home.Bindings() {
		p.keep(b)
	}
	p.home.surplus.Store(0)
	p.version.Serial++
	p.deltas, p.kept = nil, 0
	if p.disk != nil && p.diskErr == nil {
		if p.diskErr = p.disk.Rewrite(p.version, &p.node, p.bindings()); p.diskErr != nil {
			p.log.Error("home zone is not kept on disk; serving goes on from memory", "err", p.diskErr)
		}
	}
	p.home.commit(p.version, nil)
}

// keep puts a binding back into what it is kept in.
func (p *Primary) keep(b location.Binding) {
	if b.Kind.Registered() {
		p.store.Restore(b)
	} else {
		p.pubs.Apply([]location.Change{{New: b}})
	}
}
