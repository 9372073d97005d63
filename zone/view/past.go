package view

import (
	"slices"
	"strings"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
)

// The changes that a view reports, and how a view of the past is made of them
// (package zone/history keeps them). The unit is a Key.

// Change is one change of what is claimed under a key, or of a home. It holds
// what was there before and after, so that each is understood alone.
type Change struct {
	At       time.Time
	Key      Key
	was, now []Claim
	Was, Now HomeState // of a home
}

// Claimed is a claim, for those who keep it.
type Claimed struct {
	Home    string
	Binding location.Binding
}

// HomeState is what decides about all claims of a home at once. The zero value
// is a home that has not told of itself.
type HomeState struct {
	Node  []string // strings of its apex TXT
	Reach Reach
	RTT   time.Duration // negative while unknown
}

// Claims returns what was claimed before and after.
func (c Change) Claims() (was, now []Claimed) { return claimed(c.was), claimed(c.now) }

func claimed(claims []Claim) []Claimed {
	out := make([]Claimed, len(claims))
	for i, c := range claims {
		out[i] = Claimed{c.Home.Name, c.Binding}
	}
	return out
}

// noted reports a change under a key. Both slices are immutable. It is called
// with the key's shard locked, so that changes of one key come in their order.
func (v *View) noted(key Key, was, now []Claim) {
	if v.on.OnChange != nil && !slices.Equal(was, now) {
		v.on.OnChange(Change{At: v.now(), Key: Key(strings.Clone(string(key))), was: was, now: now})
	}
}

// notedHome reports a change of a home.
func (h *Home) notedHome(was HomeState) {
	if h.view.on.OnChange == nil {
		return
	}
	if now := h.State(); now.Reach != was.Reach || !slices.Equal(now.Node, was.Node) || now.RTT != was.RTT {
		h.view.on.OnChange(Change{At: h.view.now(), Key: HomeKey(h.Name), Was: was, Now: now})
	}
}

// State returns the home's state now.
func (h *Home) State() HomeState {
	s := HomeState{Reach: h.Reach(), RTT: -1}
	if n := h.node.Load(); n != nil {
		s.Node = n.Strings()
	}
	if band := h.distance.band.Load(); band != 0 { // to the band: all else would be noise
		s.RTT = time.Duration(band-1) * bandWidth
	}
	return s
}

// Claims returns what is claimed under a key now, hidden or not.
func (v *View) Claims(key Key) []Claimed { return claimed(v.Under(key)) }

// Under returns the claims under any key: Named for a user's, Keyed for others.
func (v *View) Under(key Key) []Claim {
	if folded, ok := key.User(); ok {
		return v.Named(folded)
	}
	return v.Keyed(key)
}

// KeysOf returns the keys that decide about whom a binding stands for.
func KeysOf(b location.Binding) []Key {
	of := b.Info.Details().Of
	if of == "" {
		return nil
	}
	keys := []Key{UserKey(of.Fold())}
	if digits, ok := of.Number(); ok {
		keys = append(keys, NumberKeys(digits)...)
	}
	return keys
}

// NumberKeys returns the keys that decide about a number: its own, and those that
// cover it, the longest first.
func NumberKeys(digits string) []Key {
	keys := []Key{UserKey(digits), UserKey("+" + digits), numberKey(digits)}
	for k := len(digits); k >= 0; k-- {
		keys = append(keys, coverKey(digits[:k]))
	}
	return keys
}

// Past returns a view like v in which the homes are as they were and have these
// claims alone.
func (v *View) Past(homes map[string]HomeState, claims []Claimed, settled bool) *View {
	p := New(Config{Origin: v.origin, Self: v.self, Addr: v.addr, TTL: time.Duration(v.ttl) * time.Second, Now: v.now})
	for name, s := range homes {
		if len(s.Node) == 0 {
			continue
		}
		h := p.Home(name)
		if n, ok, _ := record.ParseNode(name, s.Node); ok {
			h.Apply(record.Version{}, &n, nil)
		}
		h.SetReach(s.Reach)
		if s.RTT >= 0 {
			h.SetDistance(s.RTT)
		}
	}
	for _, c := range claims {
		if h := p.Find(c.Home); h != nil {
			h.Apply(record.Version{}, nil, []location.Change{{New: c.Binding}})
		}
	}
	p.SetSettled(settled)
	return p
}
