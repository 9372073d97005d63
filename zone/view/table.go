package view

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
)

// table is a hash table from folded names to entries. Readers take no lock
// and write nothing; writers of one shard wait for each other. A bucket is one
// cache line of eight octets of hashes and seven pointers, so that a reader in
// a large table waits for memory about as rarely as in a small one.
//
// An entry knows its own key; entries are replaced, never moved to another
// key. A shard that grows copies its pointers, a few thousand at most.
type table[T any] struct {
	is     func(*T, string) bool // whether the entry stands under a key
	key    func(*T) string
	seed   maphash.Seed
	gone   *T // stands where an entry was
	shards [1 << shardBits]shard[T]
}

const (
	shardBits = 8
	ways      = 7
)

type shard[T any] struct {
	mu      sync.Mutex
	buckets atomic.Pointer[[]bucket[T]] // a power of two
	used    int                         // pointers that are not nil
	live    int                         // of these, entries
}

type bucket[T any] struct {
	tags [ways + 1]uint8 // written before the pointer, never after
	at   [ways]atomic.Pointer[T]
}

func newTable[T any](key func(*T) string, is func(*T, string) bool) *table[T] {
	return &table[T]{is: is, key: key, seed: maphash.MakeSeed(), gone: new(T)}
}

// shard returns where a key belongs: shard, first bucket and tag are taken
// from different bits of its hash.
func (t *table[T]) shard(key string) (*shard[T], uint64) {
	h := maphash.String(t.seed, key)
	return &t.shards[h>>(64-shardBits)], h
}

func tag(h uint64) uint8 { return uint8(h >> 40) }

// load returns the entry of a key, nil if there is none.
func (t *table[T]) load(key string) *T {
	s, h := t.shard(key)
	p := s.buckets.Load()
	if p == nil {
		return nil
	}
	_, e := t.find(*p, key, h)
	return e
}

// find returns the slot of a key and the entry that it has seen there, nil if
// the table has none. A reader must take that entry: the slot may hold another
// key's a moment later.
func (t *table[T]) find(bs []bucket[T], key string, h uint64) (*atomic.Pointer[T], *T) {
	mask := uint64(len(bs) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		b := &bs[i]
		for j := range b.at {
			e := b.at[j].Load()
			if e == nil {
				return nil, nil
			}
			if b.tags[j] == tag(h) && e != t.gone && t.is(e, key) {
				return &b.at[j], e
			}
		}
	}
}

// update replaces the entry of a key by what f makes of it; nil stands for
// none on both sides. Calls for one key come one after the other.
func (t *table[T]) update(key string, f func(*T) *T) {
	s, h := t.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	t.updateIn(s, key, h, f)
}

// updateIn is update where the caller holds the lock of the key's shard.
func (t *table[T]) updateIn(s *shard[T], key string, h uint64, f func(*T) *T) {
	if p := s.buckets.Load(); p != nil {
		if slot, old := t.find(*p, key, h); slot != nil {
			next := f(old)
			if next == nil {
				next = t.gone
				s.live--
			}
			if next != old {
				slot.Store(next)
			}
			return
		}
	}
	if e := f(nil); e != nil {
		t.insert(s, h, e)
	}
}

// insert adds an entry whose key is not there. The caller holds the lock.
func (t *table[T]) insert(s *shard[T], h uint64, e *T) {
	p := s.buckets.Load()
	if p == nil || (s.used+1)*5 > len(*p)*ways*4 {
		p = t.grow(s, p)
	}
	if !t.put(*p, h, e) {
		s.used++
	}
	s.live++
}

// put stores an entry in the first slot that is free. One where an entry with
// the same tag was is as good: who comes and goes again and again leaves no
// trail.
func (t *table[T]) put(bs []bucket[T], h uint64, e *T) (reused bool) {
	mask := uint64(len(bs) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		b := &bs[i]
		for j := range b.at {
			switch old := b.at[j].Load(); {
			case old == nil:
				b.tags[j] = tag(h)
				b.at[j].Store(e)
				return false
			case old == t.gone && b.tags[j] == tag(h):
				b.at[j].Store(e)
				return true
			}
		}
	}
}

// grow gives the shard room for twice its entries.
func (t *table[T]) grow(s *shard[T], old *[]bucket[T]) *[]bucket[T] {
	return t.rebuild(s, old, (s.live+1)*2)
}

// rebuild gives the shard at least so many slots, and leaves out what is gone.
// Readers of the old buckets find in them what was there until now.
func (t *table[T]) rebuild(s *shard[T], old *[]bucket[T], slots int) *[]bucket[T] {
	n := 1
	for n*ways < slots {
		n *= 2
	}
	bs := make([]bucket[T], n)
	if old != nil {
		for i := range *old {
			for j := range (*old)[i].at {
				if e := (*old)[i].at[j].Load(); e != nil && e != t.gone {
					t.put(bs, maphash.String(t.seed, t.key(e)), e)
				}
			}
		}
	}
	s.used = s.live
	s.buckets.Store(&bs)
	return &bs
}

// all calls f for every entry until it returns false. What changes meanwhile
// may be seen before or after the change.
func (t *table[T]) all(f func(*T) bool) {
	for i := range t.shards {
		p := t.shards[i].buckets.Load()
		if p == nil {
			continue
		}
		for j := range *p {
			for k := range (*p)[j].at {
				if e := (*p)[j].at[k].Load(); e != nil && e != t.gone && !f(e) {
					return
				}
			}
		}
	}
}
