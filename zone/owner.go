package zone

import (
	"strings"

	"github.com/asterfed/asterfed/zone/location"
)

// ParseOwner returns what may be published at an owner name (lower-case FQDN)
// of the home zone apex: the kinds that share the name, and the name itself.
// It returns no kinds for a name at which no binding can stand.
func ParseOwner(owner, apex string) (kinds []location.Kind, name location.AOR) {
	rel, ok := strings.CutSuffix(owner, "."+apex)
	if !ok {
		return nil, ""
	}
	if user, ok := strings.CutSuffix(rel, ".users"); ok {
		if a, err := location.ParseAOR(user); err == nil {
			return []location.Kind{location.User, location.Entry, location.Conference, location.Queue, location.Parked}, a
		}
		return nil, ""
	}
	head, tree := cutLast(rel)
	switch tree {
	case "e164":
		return parseDialled(head)
	case trunksTree, providersTree, servicesTree:
		a, err := location.ParseAOR(head)
		if err != nil || strings.Contains(head, ".") {
			return nil, ""
		}
		return []location.Kind{listedIn[tree]}, a
	}
	return nil, ""
}

var listedIn = map[string]location.Kind{
	trunksTree: location.Trunk, providersTree: location.Provider, servicesTree: location.Service,
}

func parseDialled(head string) ([]location.Kind, location.AOR) {
	kinds := []location.Kind{location.Number, location.Prefix, location.Range}
	if rest, ok := strings.CutPrefix(head+".", "*."); ok {
		kinds, head = []location.Kind{location.Wildcard}, strings.TrimSuffix(rest, ".")
	}
	digits, ok := unENUM(head)
	switch {
	case !ok:
		return nil, ""
	case digits == "" && kinds[0] == location.Number:
		kinds = []location.Kind{location.Prefix}
	}
	if digits == "" {
		digits = "."
	}
	return kinds, location.AOR(digits)
}

// Users returns the bindings of the home at a folded AOR, registrations
// included, in rank order.
func (h *Home) Users(key string) []location.Binding {
	var out []location.Binding
	for _, c := range h.view.names.load(key).claims() {
		if c.home == h {
			out = append(out, c.b)
		}
	}
	return out
}

// Newest returns the newest stamp of the claims that a binding competes with:
// those on the same name, at this home and at others, itself left out. What a
// directory knows of a user claims nothing.
func (v *View) Newest(b location.Binding) location.Stamp {
	var newest location.Stamp
	look := func(claims []claim) {
		for _, c := range claims {
			itself := c.home.Name == v.self && c.b.Contact == b.Contact && c.b.AOR == b.AOR
			if !itself && c.b.Kind != location.Entry {
				newest = max(newest, v.stamp(&c))
			}
		}
	}
	if b.Kind.Named() {
		look(v.names.load(b.AOR.Fold()).claims())
		return newest
	}
	for _, key := range routeKeys(b) {
		look(v.routes.load(key).claims())
	}
	return newest
}
