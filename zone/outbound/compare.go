package outbound

import (
	"slices"

	"github.com/asterfed/asterfed/zone/view"
)

// dependents are the keys that stand in the place of a user or number: they
// change with it. The zero value has none.
type dependents struct {
	of  map[view.Key][]string            // the stems that a key stands for
	who map[string]map[view.Key]struct{} // by stem, the keys that stand for it
}

// set notes what a key stands for now.
func (d *dependents) set(key view.Key, stems []string) {
	old := d.of[key]
	if slices.Equal(old, stems) {
		return
	}
	for _, s := range old {
		delete(d.who[s], key)
		if len(d.who[s]) == 0 {
			delete(d.who, s)
		}
	}
	delete(d.of, key)
	if len(stems) == 0 {
		return
	}
	if d.of == nil {
		d.of, d.who = map[view.Key][]string{}, map[string]map[view.Key]struct{}{}
	}
	d.of[key] = stems
	for _, s := range stems {
		if d.who[s] == nil {
			d.who[s] = map[view.Key]struct{}{}
		}
		d.who[s][key] = struct{}{}
	}
}

// look returns the records that a unit has now.
func (z *Zone) look(unit string) set {
	s, err := newSet(unit, z.view.Origin(), nameOf(unit), z.view.Records(unit))
	if err != nil {
		z.log.Error("left out of the zone that is transferred", "unit", unit, "err", err)
	}
	return s
}

// everything calls f with every unit there may be, and learns what stands for
// what.
func (z *Zone) everything(f func(unit string)) {
	for _, unit := range z.view.Fixed() {
		f(unit)
	}
	z.view.Keys(nil, func(key view.Key) bool {
		z.deps.set(key, z.view.StandsFor(key))
		z.view.UnitsOf(key, f)
		return true
	})
	z.view.Nodes(func(string) bool { return true }, f)
}

// compare returns what has become of the units that the dirt may have changed.
// The caller holds working.
func (z *Zone) compare(d view.Dirty) (out []change) {
	seen := map[string]struct{}{}
	take := func(unit string) {
		if _, again := seen[unit]; again {
			return
		}
		seen[unit] = struct{}{}
		if old, now := z.sets[unit], z.look(unit); old != now {
			out = append(out, change{unit, old, now})
		}
	}
	if d.All {
		z.deps = dependents{}
		z.everything(take)
		for unit := range z.sets {
			take(unit)
		}
		return out
	}
	if len(d.Homes) > 0 {
		for _, unit := range z.view.Fixed() {
			take(unit)
		}
		z.view.Keys(d.Homes, func(key view.Key) bool { d.Keys = append(d.Keys, key); return true })
	}
	keys := z.affected(d.Keys)
	blocks := map[string]bool{}
	for key := range keys {
		z.view.UnitsOf(key, take)
		if digits, ok := key.Cover(); ok {
			blocks[digits] = true
		}
	}
	if len(blocks) > 0 {
		z.view.Nodes(func(digits string) bool { return within(digits, blocks) }, take)
	}
	return out
}

// within reports whether digits begin with one of the blocks.
func within(digits string, blocks map[string]bool) bool {
	for n := 0; n <= len(digits); n++ {
		if blocks[digits[:n]] {
			return true
		}
	}
	return false
}

// affected returns the keys and all that stand in their place, however far.
func (z *Zone) affected(dirty []view.Key) map[view.Key]struct{} {
	keys := make(map[view.Key]struct{}, len(dirty))
	var queue []view.Key
	add := func(key view.Key) {
		if _, known := keys[key]; !known {
			keys[key] = struct{}{}
			queue = append(queue, key)
		}
	}
	for _, key := range dirty {
		z.deps.set(key, z.view.StandsFor(key))
		add(key)
	}
	blocks := map[string]bool{}
	for len(queue) > 0 {
		for len(queue) > 0 {
			key := queue[len(queue)-1]
			queue = queue[:len(queue)-1]
			if digits, ok := key.Cover(); ok {
				blocks[digits] = true
			}
			for k := range z.deps.who[view.Stem(key)] {
				add(k)
			}
		}
		if len(blocks) == 0 && !z.view.Wildcards() {
			break
		}
		for stem, who := range z.deps.who { // numbers that a block or a wildcard answers for
			if within(stem, blocks) || z.view.Covered(stem) {
				for k := range who {
					add(k)
				}
			}
		}
		clear(blocks)
	}
	return keys
}
