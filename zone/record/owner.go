package record

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
	head, tree := CutLast(rel)
	switch tree {
	case "e164":
		return parseDialled(head)
	case TrunksTree, ProvidersTree, ServicesTree:
		a, err := location.ParseAOR(head)
		if err != nil || strings.Contains(head, ".") {
			return nil, ""
		}
		return []location.Kind{listedIn[tree]}, a
	}
	return nil, ""
}

var listedIn = map[string]location.Kind{
	TrunksTree: location.Trunk, ProvidersTree: location.Provider, ServicesTree: location.Service,
}

func parseDialled(head string) ([]location.Kind, location.AOR) {
	kinds := []location.Kind{location.Number, location.Prefix, location.Range}
	if rest, ok := strings.CutPrefix(head+".", "*."); ok {
		kinds, head = []location.Kind{location.Wildcard}, strings.TrimSuffix(rest, ".")
	}
	digits, ok := ParseENUM(head)
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

// MaxRRset is the most records of one RRset, in an answer and in a transfer: a BIND
// secondary refuses the whole zone for one with more (max-records-per-type).
const MaxRRset = 100
