package zone

import (
	"hash/maphash"
	"runtime"
	"sync"
	"sync/atomic"
)

// manyKeys is from how many keys on updateAll uses every core.
const manyKeys = 50_000

// updateAll is update for many keys, f being told the index of each. It works
// shard by shard, so that a shard is locked and grown once, and its buckets
// stay in the cache meanwhile. Calls of f for different shards may run at the
// same time; those for equal keys come in order.
func (t *table[T]) updateAll(keys []string, f func(i int, old *T) *T) {
	type place struct {
		h uint64
		i uint32
	}
	const n = 1 << shardBits
	var from [n + 1]int
	hashes := make([]uint64, len(keys))
	for i, key := range keys {
		hashes[i] = maphash.String(t.seed, key)
		from[hashes[i]>>(64-shardBits)+1]++
	}
	for s := range n {
		from[s+1] += from[s]
	}
	order, next := make([]place, len(keys)), from
	for i, h := range hashes {
		s := h >> (64 - shardBits)
		order[next[s]] = place{h, uint32(i)}
		next[s]++
	}
	work := func(s int) {
		if from[s] == from[s+1] {
			return
		}
		sh := &t.shards[s]
		sh.mu.Lock()
		defer sh.mu.Unlock()
		t.reserve(sh, from[s+1]-from[s])
		for _, p := range order[from[s]:from[s+1]] {
			i := int(p.i)
			t.updateIn(sh, keys[i], p.h, func(old *T) *T { return f(i, old) })
		}
	}
	if len(keys) < manyKeys {
		for s := range n {
			work(s)
		}
		return
	}
	var turn atomic.Int32
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for s := turn.Add(1) - 1; s < n; s = turn.Add(1) - 1 {
				work(int(s))
			}
		})
	}
	all.Wait()
}

// reserve makes room for so many entries more. The caller holds the lock.
func (t *table[T]) reserve(s *shard[T], more int) {
	p := s.buckets.Load()
	if p == nil || (s.used+more)*5 > len(*p)*ways*4 {
		t.rebuild(s, p, (s.live+more)*5/4+1)
	}
}
