package view

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

type word struct {
	key string
	n   int
}

func newWords() *table[word] {
	return newTable(func(w *word) string { return w.key }, func(w *word, key string) bool { return w.key == key })
}

// A table holds what a map would, through growth, removal and return.
func TestTableIsAMap(t *testing.T) {
	words, model := newWords(), map[string]int{}
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 200_000 {
		key := fmt.Sprint(r.IntN(20_000))
		words.update(key, func(old *word) *word {
			if n, ok := model[key]; ok != (old != nil) || ok && old.n != n {
				t.Fatalf("step %d: %s is %v, want %d %v", i, key, old, n, ok)
			}
			if r.IntN(3) == 0 {
				delete(model, key)
				return nil
			}
			model[key] = i
			return &word{key, i}
		})
	}
	got := map[string]int{}
	words.all(func(w *word) bool { got[w.key] = w.n; return true })
	if !maps.Equal(got, model) {
		t.Errorf("all gives %d entries, want %d", len(got), len(model))
	}
	for key, n := range model {
		if w := words.load(key); w == nil || w.n != n {
			t.Errorf("load %s is %v, want %d", key, w, n)
		}
	}
}

// Readers see every entry that stays, whatever comes and goes beside it.
func TestTableReadersMissNothing(t *testing.T) {
	words := newWords()
	for i := range 500 {
		words.update(fmt.Sprint("stays", i), func(*word) *word { return &word{fmt.Sprint("stays", i), i} })
	}
	var stop atomic.Bool
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for i := 0; !stop.Load(); i++ {
				if w := words.load(fmt.Sprint("stays", i%500)); w == nil || w.n != i%500 {
					t.Errorf("stays%d is %v", i%500, w)
					return
				}
			}
		})
	}
	for round := range 5 {
		for i := range 10_000 {
			key := fmt.Sprint("comes", i)
			words.update(key, func(*word) *word { return &word{key, round} })
		}
		for i := range 10_000 {
			words.update(fmt.Sprint("comes", i), func(*word) *word { return nil })
		}
	}
	stop.Store(true)
	readers.Wait()
}

// An empty non-terminal exists exactly as long as a visible home has a name
// beneath it.
func TestInhabitedFollowsTheNames(t *testing.T) {
	v := newTestView(t)
	r := rand.New(rand.NewPCG(3, 4))
	aors := []string{"1", "12", "+12", "123", "1234", "+1234", "9", "99", "a.b", "b", "x.a.b", "c.b"}
	held := map[string]map[string]bool{}
	for _, h := range v.Homes() {
		held[h.Name] = map[string]bool{}
	}
	for range 5000 {
		h, aor := v.Homes()[r.IntN(3)], aors[r.IntN(len(aors))]
		c := bind(aor, 1, 1)
		if held[h.Name][aor] {
			c.Old, c.New = c.New, c.Old
		}
		held[h.Name][aor] = !held[h.Name][aor]
		h.change(c)
		h.SetReach(Reach(r.IntN(3)))
		for _, key := range []string{"1", "12", "123", "1234", "9", "99", "b", "a.b", "x.a.b"} {
			want, tree := false, v.digits
			if key[0] > '9' {
				tree = v.labels
			}
			for _, h := range v.Homes() {
				for _, a := range slices.Collect(maps.Keys(held[h.Name])) {
					digits := strings.TrimPrefix(a, "+")
					below := len(digits) > len(key) && (digits[0] <= '9' && strings.HasPrefix(digits, key) || strings.HasSuffix(a, "."+key))
					want = want || held[h.Name][a] && below && h.Visible()
				}
			}
			if got := v.inhabited(tree, key); got != want {
				t.Fatalf("%s is inhabited: %v, want %v; held %v", key, got, want, held)
			}
		}
	}
}

// A slot may pass to another key between a reader's look and its use: the
// reader must come away with the entry that it has compared.
func TestTableReaderKeepsWhatItCompared(t *testing.T) {
	var words *table[word]
	var swap func()
	words = newTable(func(w *word) string { return w.key }, func(w *word, key string) bool {
		if w.key == key && swap != nil {
			f := swap
			swap = nil
			f()
		}
		return w.key == key
	})
	put := func(key string) { words.update(key, func(*word) *word { return &word{key: key} }) }
	put("a")
	shard, h := words.shard("a")
	twin := ""
	for i := 0; twin == ""; i++ { // the same shard and tag: it reuses the slot
		key := fmt.Sprint("twin", i)
		if s, g := words.shard(key); s == shard && tag(g) == tag(h) {
			twin = key
		}
	}
	swap = func() {
		words.update("a", func(*word) *word { return nil })
		put(twin)
	}
	if w := words.load("a"); w == nil || w.key != "a" {
		t.Errorf("load a gives %v", w)
	}
	if w := words.load(twin); w == nil || w.key != twin {
		t.Errorf("load %s gives %v: the test did not reuse the slot", twin, w)
	}
}
