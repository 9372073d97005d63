package zone

import (
	"slices"
	"strings"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
)

// What a view tells of its changes, and how a view of the past is made of them
// (package zone/history keeps them). The unit is a key: a folded AOR, or that
// of a route, under which claims stand; "@pbx-a" is a home.

// Change is one change of what is claimed under a key, or of a home. It holds
// what was there before and after, so that each is understood alone.
type Change struct {
	At       time.Time
	Key      string
	was, now []claim
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

// IsHome reports whether the change is one of a home, and which.
func (c Change) IsHome() (node string, ok bool) { return strings.CutPrefix(c.Key, "@") }

// Claims returns what was claimed before and after.
func (c Change) Claims() (was, now []Claimed) { return claimed(c.was), claimed(c.now) }

func claimed(claims []claim) []Claimed {
	out := make([]Claimed, len(claims))
	for i, c := range claims {
		out[i] = Claimed{c.home.Name, c.b}
	}
	return out
}

// noted tells of a change under a key. Both slices are immutable. It is called
// with the key's shard locked, so that changes of one key come in their order.
func (v *View) noted(key string, was, now []claim) {
	if v.onChange != nil && !slices.Equal(was, now) {
		v.onChange(Change{At: v.now(), Key: strings.Clone(key), was: was, now: now})
	}
}

// notedHome tells of a change of a home.
func (h *Home) notedHome(was HomeState) {
	if h.view.onChange == nil {
		return
	}
	if now := h.State(); now.Reach != was.Reach || !slices.Equal(now.Node, was.Node) || now.RTT != was.RTT {
		h.view.onChange(Change{At: h.view.now(), Key: "@" + h.Name, Was: was, Now: now})
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
func (v *View) Claims(key string) []Claimed {
	if strings.ContainsAny(key, "#*/") {
		return claimed(v.routes.load(key).claims())
	}
	return claimed(v.names.load(key).claims())
}

// KeysAt returns the keys that decide about a name (lower-case FQDN below the
// origin), those of what it may stand for aside.
func (v *View) KeysAt(qname string) []string {
	rel := unescaped(strings.TrimSuffix(strings.TrimSuffix(qname, v.origin), "."))
	head, top := record.CutLast(rel)
	switch top {
	case "isn":
		head, _ = record.CutLast(head)
		fallthrough
	case "e164":
		n := parseNumber(nil, head)
		keys := numberKeys(n.digits)
		if full, ok := v.dial.full(n.digits); ok {
			keys = append(keys, numberKeys(full)...)
		}
		return keys
	case "users":
		return []string{head}
	case record.TrunksTree, record.ProvidersTree, record.ServicesTree:
		return []string{top + "/" + head}
	}
	return nil
}

// KeysOf returns the keys that decide about whom a binding stands for.
func KeysOf(b location.Binding) []string {
	of := b.Info.Details().Of
	if of == "" {
		return nil
	}
	keys := []string{of.Fold()}
	if digits, ok := of.Number(); ok {
		keys = append(keys, numberKeys(digits)...)
	}
	return keys
}

func numberKeys(digits string) []string {
	keys := []string{digits, "+" + digits, "#" + digits}
	for k := len(digits); k >= 0; k-- {
		keys = append(keys, "*"+digits[:k])
	}
	return keys
}

// Past returns a view with the settings of v, in which the homes are as told
// and hold these claims alone. What is not among them is absent.
func (v *View) Past(homes map[string]HomeState, claims []Claimed, settled bool) *View {
	p := NewView(Config{Origin: v.origin, Self: v.self, Addr: v.addr, TTL: time.Duration(v.ttl) * time.Second, Order: v.order, Ways: v.ways,
		Dial: v.dial, ITAD: v.itad, Now: v.now})
	p.cuts = v.cuts
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

// SetOrder changes how a view of the past ranks.
func (v *View) SetOrder(o Order) { v.order = o }
