package registrations

import (
	"container/heap"
	"slices"
	"time"
)

// schedule is a heap of the times at which users want another look. A user
// may stand in it several times; only the entry that equals its due counts.
type schedule struct {
	heap  entries
	limit int // length at which the heap is compacted
}

type entry struct {
	at time.Time
	u  *user
}

type entries []entry

func (e entries) Len() int           { return len(e) }
func (e entries) Less(i, j int) bool { return e[i].at.Before(e[j].at) }
func (e entries) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *entries) Push(x any)        { *e = append(*e, x.(entry)) }
func (e *entries) Pop() any {
	old := *e
	x := old[len(old)-1]
	old[len(old)-1] = entry{}
	*e = old[:len(old)-1]
	return x
}

// at plans a look at the user no later than t.
func (s *schedule) at(u *user, t time.Time) {
	if t.IsZero() || !u.due.IsZero() && !t.Before(u.due) {
		return
	}
	u.due = t
	heap.Push(&s.heap, entry{t, u})
	if len(s.heap) > s.limit {
		s.compact()
	}
}

// compact drops the entries that count no more, so that the heap stays in
// proportion to the users.
func (s *schedule) compact() {
	live := s.heap[:0]
	for _, e := range s.heap {
		if e.u.due.Equal(e.at) {
			live = append(live, e)
		}
	}
	clear(s.heap[len(live):])
	s.heap = live
	heap.Init(&s.heap)
	s.limit = 2*len(live) + 1024
}

// pop returns a user that is due by now, nil if there is none.
func (s *schedule) pop(now time.Time) *user {
	for len(s.heap) > 0 {
		e := s.heap[0]
		stale := !e.u.due.Equal(e.at)
		if !stale && e.at.After(now) {
			return nil
		}
		heap.Pop(&s.heap)
		if !stale {
			e.u.due = time.Time{}
			return e.u
		}
	}
	return nil
}

// next returns the earliest time planned, zero if there is none. It may be
// that of an entry that counts no more.
func (s *schedule) next() time.Time {
	if len(s.heap) == 0 {
		return time.Time{}
	}
	return s.heap[0].at
}

// begin replaces the plan by one for so many users: add adds each, end comes last.
func (s *schedule) begin(users int) { s.heap = slices.Grow(s.heap[:0], users) }

func (s *schedule) add(u *user, now, again time.Time) {
	u.due = u.nextDue(now)
	if !again.IsZero() && (u.due.IsZero() || again.Before(u.due)) {
		u.due = again
	}
	if !u.due.IsZero() {
		s.heap = append(s.heap, entry{u.due, u})
	}
}

func (s *schedule) end() { heap.Init(&s.heap) }
