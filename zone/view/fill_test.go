package view

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
)

// fillNames are numbers, with "+" and without, some longer than a prefix
// holds, that lead to each other, and words that share suffixes.
var fillNames = []string{"1", "12", "+12", "123", "1234", "+1234", "9", "99", "97231000001", "97231000002", "+97231000001",
	"123456789012345", "1234567890123456", "+1234567890123456", "12345678901234567", "a.b", "b", "x.a.b", "c.b", "Alice.B"}

// tally returns what a tree counts, home by home.
func tally(t tallies) map[string]map[uint32]int32 {
	out := map[string]map[uint32]int32{}
	t.all(func(c *census) bool {
		out[c.key] = map[uint32]int32{}
		for _, by := range *c.by.Load() {
			out[c.key][by.home] = by.n
		}
		return true
	})
	return out
}

// A home that is filled at once counts as one whose bindings came one by one.
func TestFillIsChangeByChange(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 5))
		bulk, single := newTestView(t), newTestView(t)
		for _, home := range []string{"pbx-a", "pbx-b", "pbx-c"} {
			var set []location.Binding
			for _, name := range fillNames {
				for range r.IntN(3) {
					set = append(set, binding(name, uint64(r.IntN(3)), uint64(r.IntN(5))))
				}
				if location.AOR(name).Fold() == "12" && r.IntN(2) == 0 {
					b, err := location.Publish(location.Number, "12", location.Details{})
					if err != nil {
						t.Fatal(err)
					}
					set = append(set, b)
				}
			}
			r.Shuffle(len(set), func(i, j int) { set[i], set[j] = set[j], set[i] })
			bulk.Home(home).clear()
			single.Home(home).clear()
			for _, b := range set {
				single.Home(home).change(location.Change{New: b})
			}
			bulk.Home(home).Replace(record.Version{Epoch: "e", Serial: 2}, nil, set)
		}
		if got, want := fmt.Sprint(tally(bulk.digits), tally(bulk.labels)), fmt.Sprint(tally(single.digits), tally(single.labels)); got != want {
			t.Fatalf("seed %d: counted\n%s, want\n%s", seed, got, want)
		}
		for _, name := range fillNames {
			key := location.AOR(name).Fold()
			if got, want := fmt.Sprint(bulk.Named(key)), fmt.Sprint(single.Named(key)); len(got) != len(want) {
				t.Fatalf("seed %d: %s is %s, want %s", seed, name, got, want)
			}
		}
		for _, h := range bulk.Homes() {
			if want := single.Home(h.Name).Len(); h.Len() != want {
				t.Fatalf("seed %d: %s has %d bindings, want %d", seed, h.Name, h.Len(), want)
			}
		}
	}
}

// clear takes out all that a home holds.
func (h *Home) clear() {
	for _, b := range h.Bindings() {
		h.change(location.Change{Old: b})
	}
}

// A prefix is the digits that it was made of.
func TestPrefix(t *testing.T) {
	for _, s := range []string{"1", "0", "00", "907", "123456789012345", "000000000000000"} {
		p := prefixOf(s)
		if p.String() != s || p.len() != len(s) || p.up().String() != s[:len(s)-1] {
			t.Errorf("%s is %s of %d, below %s", s, p, p.len(), p.up())
		}
	}
}

// updateAll is update key by key, in order where keys come twice, and also
// where it works on every core.
func TestUpdateAll(t *testing.T) {
	for _, n := range []int{manyKeys / 3, 3 * manyKeys} {
		words := newWords()
		words.update("0", func(*word) *word { return &word{"0", -1} })
		keys := make([]string, n)
		for i := range keys {
			keys[i] = fmt.Sprint(i)
			if n < manyKeys {
				keys[i] = fmt.Sprint(i % (n / 2))
			}
		}
		words.updateAll(keys, func(i int, old *word) *word {
			want := 0
			if i > 0 && n < manyKeys {
				want = i - n/2
			}
			if i == 0 {
				want = -1
			}
			if old == nil != (i > 0 && (n > manyKeys || i < n/2)) || old != nil && old.n != want {
				t.Errorf("key %s at %d: was %v", keys[i], i, old)
			}
			return &word{keys[i], i}
		})
		for i := range keys {
			want := i
			if n < manyKeys && i+n/2 < n {
				want = i + n/2
			}
			if w := words.load(keys[i]); w == nil || w.n != want && n > manyKeys || w.n < want && n < manyKeys {
				t.Fatalf("%d is %v, want %d", i, w, want)
			}
		}
	}
}
