package view

import (
	"slices"
	"sync/atomic"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
)

// fill puts a whole set of bindings into a home that has none. What change
// does for each name by itself is done for all of them together: first all
// names, then what is counted of them. It reports false if the process is to end
// and not all of them are there.
func (h *Home) fill(all []location.Binding) bool {
	named := all
	if slices.ContainsFunc(all, unnamed) {
		named = slices.DeleteFunc(slices.Clone(all), unnamed)
	}
	keys := make([]string, len(named))
	for i := range named {
		keys[i] = named[i].AOR.Fold()
		if named[i].Stamp > h.limit {
			h.judge(&location.Change{New: named[i]})
		}
	}
	v := h.view
	again := make([]bool, len(named)) // the home had the name already
	rival := make([]bool, len(named)) // the name has several claims
	var count atomic.Int64
	var sum atomic.Uint64
	var ended atomic.Bool
	v.names.updateAll(keys, func(i int, old *name) *name {
		if i%oftenEnough == 0 && v.ending() {
			ended.Store(true)
		}
		if ended.Load() {
			return old
		}
		if old == nil {
			count.Add(1)
			sum.Add(record.Hash(&named[i]))
			return singleName(Claim{h, named[i]})
		}
		var room [4]Claim
		was := old.claims()
		if again[i] = holds(was, h); again[i] {
			return old
		}
		now := h.replaced(room[:0], was, location.Change{New: named[i]})
		rival[i] = len(now) > 1
		count.Add(int64(len(now) - len(was)))
		sum.Add(h.added(was, now))
		return newName(now)
	})
	h.count.Add(count.Load())
	h.sum.Add(sum.Load())
	if ended.Load() {
		return false
	}
	h.fillAgain(named, keys, again, rival)
	h.countAll(keys, again)
	for i, key := range keys {
		if rival[i] || v.contests.Load() {
			v.contest(key)
		}
	}
	if len(named) == len(all) {
		return true
	}
	for i, b := range all {
		if i%oftenEnough == 0 && v.ending() {
			return false
		}
		if !b.Kind.Named() {
			h.changeLate([]location.Change{{New: b}})
		}
	}
	return true
}

// fillAgain puts in the bindings whose names the home has had before, all of one
// name at once.
func (h *Home) fillAgain(named []location.Binding, keys []string, again, rival []bool) {
	var order []string
	var at map[string][]int
	for i := range keys {
		if !again[i] {
			continue
		}
		if at == nil {
			at = map[string][]int{}
		}
		if at[keys[i]] == nil {
			order = append(order, keys[i])
		}
		at[keys[i]] = append(at[keys[i]], i)
	}
	for _, key := range order {
		h.view.names.update(key, func(old *name) *name {
			was := old.claims()
			now := h.gathered(was, named, at[key])
			h.count.Add(int64(len(now) - len(was)))
			h.sum.Add(h.added(was, now))
			rival[at[key][0]] = len(now) > 1
			return newName(now)
		})
	}
}

func unnamed(b location.Binding) bool { return !b.Kind.Named() }

// countAll counts names in the non-terminals above them, where the home has
// been counted nowhere yet. All names are there already, so that each counts
// once in the node above it, and a new non-terminal does unless it is a name.
func (h *Home) countAll(keys []string, again []bool) {
	v := h.view
	counts := make(map[prefix]int32, len(keys)/4)
	for i, key := range keys { // the lengths of all numbers come first
		if digits, ok := location.AOR(key).Number(); ok && !again[i] {
			v.lengths.sized(spellingOf(key, digits), len(digits))
		}
	}
	var rest []string
	numbers := v.numbers()
	for i, key := range keys {
		if again[i] {
			continue
		}
		digits, ok := location.AOR(key).Number()
		switch {
		case ok && key != digits && h.spells(digits, plain):
			continue // it is counted as that
		case !ok || len(digits) > maxPrefix:
			rest = append(rest, key)
			continue
		}
		for p := prefixOf(digits).up(); p.len() > 0; p = p.up() {
			counts[p]++
			if counts[p] > 1 || numbers.named(h, p.String()) {
				break
			}
		}
	}
	nodes, sums := make([]string, 0, len(counts)), make([]int32, 0, len(counts))
	for p, n := range counts {
		nodes, sums = append(nodes, p.String()), append(sums, n)
	}
	v.digits.updateAll(nodes, func(i int, c *census) *census {
		if c == nil {
			c = &census{key: nodes[i]}
		}
		c.count(h.index, sums[i])
		return c
	})
	for _, key := range rest {
		if digits, ok := location.AOR(key).Number(); ok {
			numbers.climb(digits, h, 1)
		} else {
			v.words().climb(key, h, 1)
		}
	}
}

// prefix is up to maxPrefix digits, four bits each, the last one lowest, and
// their number in the bits above: no E.164 number is longer.
type prefix uint64

const maxPrefix = 15

func prefixOf(digits string) prefix {
	p := prefix(len(digits)) << 60
	for i := range len(digits) {
		p |= prefix(digits[i]-'0') << (4 * (len(digits) - 1 - i))
	}
	return p
}

func (p prefix) len() int { return int(p >> 60) }

// up returns the prefix without its last digit.
func (p prefix) up() prefix { return p&(1<<60-1)>>4 | prefix(p.len()-1)<<60 }

func (p prefix) String() string {
	var b [maxPrefix]byte
	for i := range p.len() {
		b[i] = '0' + byte(p>>(4*(p.len()-1-i)))&15
	}
	return string(b[:p.len()])
}
