package zone

import (
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
	if v.onContested != nil { // every time: what is listed now is from before the new claim
		v.onContested(own)
	}
}

// lost returns the AOR as it is bound here, and whether another home claims
// it with a newer stamp than any of its contacts here.
func (v *View) lost(key string) (own location.AOR, lost bool) {
	var newest location.Stamp
	for _, c := range v.names.load(key).claims() {
		if c.b.Kind.Claims() {
			newest = max(newest, v.stamp(&c))
		}
		if c.home.Name == v.self && c.b.Kind.Registered() {
			return c.b.AOR, v.stamp(&c) < newest
		}
	}
	return "", false
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
