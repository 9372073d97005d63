package view

import (
	"slices"
	"strings"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
)

// route is all that is published under one key that is not a user's name,
// newest claim first, at least one. It is immutable.
type route struct {
	key  Key
	list []Claim
}

func (r *route) claims() []Claim {
	if r == nil {
		return nil
	}
	return r.list
}

func newRoutes() *table[route] {
	return newTable(func(r *route) string { return string(r.key) }, func(r *route, key string) bool { return string(r.key) == key })
}

// routeKeys returns the keys of a binding that is not a user's.
func routeKeys(b location.Binding) []Key {
	switch b.Kind {
	case location.Number:
		return []Key{numberKey(b.Digits())}
	case location.Prefix, location.Wildcard:
		return []Key{coverKey(b.Digits())}
	case location.Range:
		blocks := record.Blocks(b.Digits(), b.Info.Details().To)
		out := make([]Key, len(blocks))
		for i, digits := range blocks {
			out[i] = coverKey(digits)
		}
		return out
	}
	return []Key{TreeKey(record.TreeOf(b.Kind), b.AOR.Fold())}
}

// changeRoute puts one change into every key that it belongs to, as change does.
func (h *Home) changeRoute(c location.Change) bool {
	b := c.New
	if b.Kind == 0 {
		b = c.Old
	}
	if b.Kind == location.Wildcard && !h.view.wildcards.Load() {
		h.view.wildcards.Store(true)
	}
	delta, sum, keys := 0, uint64(0), routeKeys(b)
	if c.New.Kind != 0 && h.fullRoute(keys, c) {
		return false
	}
	for _, key := range keys {
		had, has := false, false
		h.view.routes.update(string(key), func(old *route) *route {
			was := old.claims()
			now := h.replaced(make([]Claim, 0, len(was)+1), was, c)
			had, has, delta = holds(was, h), holds(now, h), len(now)-len(was)
			sum = h.added(was, now)
			h.view.noted(key, was, now)
			if len(now) == 0 {
				return nil
			}
			return &route{Key(strings.Clone(string(key))), now}
		})
		if had != has && b.Kind.Dialled() {
			h.enumerateRoute(key, has)
		}
		h.view.changed(key)
	}
	h.count.Add(int64(delta))
	h.sum.Add(sum)
	return true
}

// enumerateRoute counts a key in (or out of) the ENUM nodes above it.
func (h *Home) enumerateRoute(key Key, add bool) {
	v, d := h.view, int32(-1)
	if add {
		d = 1
	}
	if digits, ok := key.Cover(); ok {
		v.lengths.Cover.add(len(digits))
		v.numbers().enumerate(digits+"*", h, d)
		return
	}
	digits, _ := key.Number()
	v.lengths.sized(published, len(digits))
	if !h.spells(digits, published.others()) {
		v.numbers().enumerate(digits, h, d)
	}
}

// firstKey reports whether key is the first that a binding stands under, so
// that who walks all keys sees it once.
func firstKey(b location.Binding, key Key) bool {
	return b.Kind != location.Range || routeKeys(b)[0] == key
}

// Visible returns the claims whose homes calls can go to. What it returns is
// shared if all are, and must not be modified.
func Visible(all []Claim) []Claim {
	if !slices.ContainsFunc(all, func(c Claim) bool { return c.Home.Visible() }) {
		return nil
	}
	for i := range all {
		if !all[i].Home.Visible() {
			return slices.DeleteFunc(slices.Clone(all), func(c Claim) bool { return !c.Home.Visible() })
		}
	}
	return all
}
