package view

import (
	"slices"

	"github.com/asterfed/asterfed/zone/location"
)

// A home may have location.MaxPerName registrations of one name, and as many
// published bindings. Every change of a name copies its claims, so that without
// a bound one name could take all memory and time. The source refuses what is
// beyond, and so does every receiver, since a source may be of an earlier
// version or hostile.

// Surplus returns how many bindings of the home were refused because it has as
// many of their name as a home may have.
func (h *Home) Surplus() int64 { return h.surplus.Load() }

// refuse counts a binding that the home has no room for.
func (h *Home) refuse(b location.Binding) {
	h.surplus.Add(1)
	h.view.ahead.forget(claimID{h, b.AOR, b.Contact})
	if h.view.on.OnSurplus != nil {
		h.view.on.OnSurplus(h.Name, b)
	}
}

// full reports whether the home has no room for b among the claims of a name.
// One that replaces another needs none.
func (h *Home) full(claims []Claim, c *location.Change) bool {
	if len(claims) < location.MaxPerName || c.New.Kind == 0 {
		return false
	}
	n := 0
	for i := range claims {
		cl := &claims[i]
		if cl.Home != h || cl.Binding.Kind.Registered() != c.New.Kind.Registered() {
			continue
		}
		if cl.Binding.Contact == c.New.Contact && cl.Binding.AOR == c.New.AOR || cl.Binding.Contact == c.Old.Contact && cl.Binding.AOR == c.Old.AOR {
			return false
		}
		n++
	}
	return n >= location.MaxPerName
}

// fullRoute is full for a binding that stands under several keys: it is taken
// under all of them or under none.
func (h *Home) fullRoute(keys []Key, c location.Change) bool {
	return slices.ContainsFunc(keys, func(key Key) bool { return h.full(h.view.Keyed(key), &c) })
}

// gathered returns claims with all of the bindings, which are of one name, in
// rank order. Where an identity comes twice, the last one counts.
func (h *Home) gathered(claims []Claim, all []location.Binding, at []int) []Claim {
	type id struct {
		aor     location.AOR
		contact location.ContactID
	}
	out := slices.Clone(claims)
	own := make(map[id]int, len(at)) // index in out
	for i, c := range out {
		if c.Home == h {
			own[id{c.Binding.AOR, c.Binding.Contact}] = i
		}
	}
	n := len(own) // all of a name's claims by registrations, or all of them published, nearly always
	for _, i := range at {
		b := all[i]
		if j, known := own[id{b.AOR, b.Contact}]; known {
			out[j].Binding = b
			continue
		}
		if n >= location.MaxPerName && h.full(out, &location.Change{New: b}) {
			h.refuse(b)
			continue
		}
		own[id{b.AOR, b.Contact}] = len(out)
		out, n = append(out, Claim{h, b}), n+1
	}
	slices.SortFunc(out, h.view.compare)
	return out
}

// Published calls f with every Key, as text, that a published binding stands under,
// and how many the home has published there.
func (h *Home) Published(b location.Binding, f func(key string, n int)) {
	if b.Kind.Named() {
		key := b.AOR.Fold()
		f(key, h.published(h.view.Named(key)))
		return
	}
	for _, key := range routeKeys(b) {
		f(string(key), h.published(h.view.Keyed(key)))
	}
}

func (h *Home) published(claims []Claim) (n int) {
	for i := range claims {
		if claims[i].Home == h && !claims[i].Binding.Kind.Registered() {
			n++
		}
	}
	return n
}
