package location

import (
	"container/heap"
	"time"
)

// expiry is when a binding ends, as it was when it was put in: one replaced
// or withdrawn since leaves its old entry until then.
type expiry struct {
	at int64 // Unix seconds
	of pubName
	id ContactID
}

// calendar is a heap of expiries, the first to end on top.
type calendar []expiry

func (c calendar) Len() int           { return len(c) }
func (c calendar) Less(i, j int) bool { return c[i].at < c[j].at }
func (c calendar) Swap(i, j int)      { c[i], c[j] = c[j], c[i] }
func (c *calendar) Push(x any)        { *c = append(*c, x.(expiry)) }
func (c *calendar) Pop() any {
	last := len(*c) - 1
	x := (*c)[last]
	*c = (*c)[:last]
	return x
}

// schedule notes when a binding ends. Refreshed ones leave entries behind;
// once these are most of the calendar, it is rebuilt.
func (p *Publications) schedule(k pubName, b Binding) {
	x := b.Info.Details().Expires
	if x == 0 {
		return
	}
	heap.Push(&p.ends, expiry{x, k, b.Contact})
	if len(p.ends) <= 2*p.n+64 {
		return
	}
	p.ends = p.ends[:0]
	for k, set := range p.byName {
		for id, b := range set {
			if x := b.Info.Details().Expires; x != 0 {
				p.ends = append(p.ends, expiry{x, k, id})
			}
		}
	}
	heap.Init(&p.ends)
}

// Expired returns the changes that withdraw what has ended at t, and when the
// next binding ends (zero for never). It costs nothing while nothing ends.
func (p *Publications) Expired(t time.Time) (out []Change, next time.Time) {
	var due calendar
	seen := map[expiry]bool{}
	for len(p.ends) > 0 {
		top := p.ends[0]
		b, ok := p.byName[top.of][top.id]
		if !ok || b.Info.Details().Expires != top.at || seen[top] {
			heap.Pop(&p.ends)
			continue
		}
		if top.at > t.Unix() {
			next = time.Unix(top.at, 0)
			break
		}
		heap.Pop(&p.ends)
		seen[top] = true
		due = append(due, top)
		out = append(out, Change{Old: b})
	}
	for _, x := range due { // until the change takes effect
		heap.Push(&p.ends, x)
	}
	return out, next
}
