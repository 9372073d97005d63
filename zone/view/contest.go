package view

import (
	"slices"

	"github.com/asterfed/asterfed/zone/location"
)

// contest keeps the set of AORs bound here but claimed newer elsewhere.
func (v *View) contest(key string) {
	own, lost := v.lost(key)
	if !lost {
		if v.contests.Load() {
			v.contested.Delete(key)
		}
		return
	}
	v.contests.Store(true)
	v.contested.Store(key, own)
	if v.on.OnContested != nil { // every time: what is listed now is from before the new claim
		v.on.OnContested(own)
	}
}

// lost returns the AOR as it is bound here, and whether another home claims
// it with a newer stamp than any of its contacts here.
func (v *View) lost(key string) (own location.AOR, lost bool) {
	var newest location.Stamp
	for _, c := range v.Named(key) {
		if c.Binding.Kind.Claims() {
			newest = max(newest, v.stamp(&c))
		}
		if c.Home.Name == v.self && c.Binding.Kind.Registered() {
			return c.Binding.AOR, v.stamp(&c) < newest
		}
	}
	return "", false
}

// Newest returns the newest stamp of the claims that a binding competes with:
// those on the same name, at this home and at others, itself left out. What a
// directory knows of a user claims nothing.
func (v *View) Newest(b location.Binding) location.Stamp {
	var newest location.Stamp
	look := func(claims []Claim) {
		for _, c := range claims {
			itself := c.Home.Name == v.self && c.Binding.Contact == b.Contact && c.Binding.AOR == b.AOR
			if !itself && c.Binding.Kind != location.Entry {
				newest = max(newest, v.stamp(&c))
			}
		}
	}
	if b.Kind.Named() {
		look(v.Named(b.AOR.Fold()))
		return newest
	}
	for _, key := range routeKeys(b) {
		look(v.Keyed(key))
	}
	return newest
}

// Merge returns the claims of two lists in rank order. What it returns may be
// shared, and must not be modified.
func (v *View) Merge(a, b []Claim) []Claim {
	switch {
	case len(a) == 0:
		return b
	case len(b) == 0:
		return a
	}
	out := append(slices.Clone(a), b...)
	slices.SortFunc(out, v.compare)
	return out
}
