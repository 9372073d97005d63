package view

import (
	"hash/maphash"
	"runtime"
	"sync"
)

// manyKeys is from how many keys on updateAll uses every core.
const manyKeys = 50_000

// updateAll is update for many keys, f being told the index of each. Shards
// are grown once, beforehand. Calls of f for different keys may run at the
// same time, those for equal keys come one after the other, but of very many
// in any order.
func (t *table[T]) updateAll(keys []string, f func(i int, old *T) *T) {
	hashes := make([]uint64, len(keys))
	var more [1 << shardBits]int
	for i, key := range keys {
		hashes[i] = maphash.String(t.seed, key)
		more[hashes[i]>>(64-shardBits)]++
	}
	for i, n := range more {
		if n > 0 {
			s := &t.shards[i]
			s.mu.Lock()
			t.reserve(s, n)
			s.mu.Unlock()
		}
	}
	work := func(from, to int) {
		var i int
		g := func(old *T) *T { return f(i, old) }
		for i = from; i < to; i++ {
			s := &t.shards[hashes[i]>>(64-shardBits)]
			s.mu.Lock()
			t.updateIn(s, keys[i], hashes[i], g)
			s.mu.Unlock()
		}
	}
	if len(keys) < manyKeys {
		work(0, len(keys))
		return
	}
	var all sync.WaitGroup
	n := runtime.GOMAXPROCS(0)
	for w := range n {
		all.Go(func() { work(len(keys)*w/n, len(keys)*(w+1)/n) })
	}
	all.Wait()
}

// expect makes room in an empty table for about so many entries, which spread over
// all shards.
func (t *table[T]) expect(more int) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		if s.live == 0 {
			t.reserve(s, more>>shardBits)
		}
		s.mu.Unlock()
	}
}

// reserve makes room for so many entries more. The caller holds the lock.
func (t *table[T]) reserve(s *shard[T], more int) {
	p := s.buckets.Load()
	if p == nil || (s.used+more)*5 > len(*p)*ways*4 {
		t.rebuild(s, p, (s.live+more)*5/4+1)
	}
}
