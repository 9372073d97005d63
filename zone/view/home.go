package view

import (
	"sync"
	"sync/atomic"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
)

// Home is one node in the view, with its bindings. Apply and Replace belong
// to one writer, all else is safe for concurrent use.
//
// It has more methods than a type should, because a change is applied to names,
// routes, counts and the digest of one home together, or not at all.
type Home struct {
	Name  string
	view  *View
	index uint32

	writing sync.Mutex // one Apply or Replace at a time, when a node that left is back

	digest   atomic.Pointer[record.Digest] // at the last version
	node     atomic.Pointer[record.Node]
	records  atomic.Pointer[record.Host]
	reach    atomic.Int32
	count    atomic.Int64   // bindings
	sum      atomic.Uint64  // of their hashes
	surplus  atomic.Int64   // bindings that were refused
	limit    location.Stamp // the last one that is possible, guarded by writing
	distance distance
}

// Apex returns the name of the home zone.
func (h *Home) Apex() string { return record.HomeZone(h.Name, h.view.origin) }

// Rival is View.Rival for the home of this node.
func (h *Home) Rival(a location.AOR) location.Stamp { return h.view.Rival(a) }

// Version returns the version of the bindings held, zero if there are none.
func (h *Home) Version() record.Version {
	if d := h.digest.Load(); d != nil {
		return d.Version
	}
	return record.Version{}
}

// Node returns what the node says about itself, and whether it has said
// anything yet.
func (h *Home) Node() (record.Node, bool) {
	if n := h.node.Load(); n != nil {
		return *n, true
	}
	return record.Node{Name: h.Name}, false
}

// Len returns the number of bindings held.
func (h *Home) Len() int { return int(h.count.Load()) }

// Apply brings the home from one version to the next. A node that is not nil
// replaces the apex record.
func (h *Home) Apply(to record.Version, node *record.Node, changes []location.Change) {
	h.writing.Lock()
	defer h.writing.Unlock()
	h.apply(to, node, changes)
}

// Follow is Apply where the home is at version from, and reports whether it was.
// It may be called from any goroutine.
func (h *Home) Follow(from, to record.Version, node *record.Node, changes []location.Change) bool {
	h.writing.Lock()
	defer h.writing.Unlock()
	if h.Version() != from {
		return false
	}
	h.apply(to, node, changes)
	return true
}

// manyChanges is from how many changes on room is made for them beforehand.
const manyChanges = 10_000

func (h *Home) apply(to record.Version, node *record.Node, changes []location.Change) {
	if len(changes) >= manyChanges {
		h.view.names.expect(len(changes))
	}
	var late []location.Change
	h.look()
	for i := range changes {
		if i%oftenEnough == oftenEnough-1 && h.view.ending() {
			h.abandon()
			return
		}
		if !h.change(changes[i]) {
			late = append(late, changes[i])
		}
	}
	h.changeLate(late)
	h.commit(to, node)
}

// changeLate makes changes that there was no room for before others of the same
// version had made some.
func (h *Home) changeLate(late []location.Change) {
	for _, c := range late {
		if !h.change(c) {
			h.refuse(c.New)
		}
	}
}

// oftenEnough is after how many changes a long row of them looks whether the
// process is to end.
const oftenEnough = 1024

// ending reports whether the process is to end.
func (v *View) ending() bool {
	select {
	case <-v.done:
		return true
	default:
		return false
	}
}

// abandon leaves a home in pieces without a version, so that nobody takes it for
// a whole one.
func (h *Home) abandon() { h.digest.Store(&record.Digest{}) }

// Replace brings the home to a full set of bindings: what is new or changed
// is put in first, what is not in the set goes last, so that a name that
// stays never disappears on the way. The set is the caller's again afterwards:
// the home keeps no string of it.
func (h *Home) Replace(to record.Version, node *record.Node, all []location.Binding) {
	h.writing.Lock()
	defer h.writing.Unlock()
	h.look()
	if h.Len() == 0 {
		if !h.fill(all) {
			h.abandon()
			return
		}
		h.view.changedAll()
		h.commit(to, node)
		return
	}
	type key struct {
		aor location.AOR
		id  location.ContactID
	}
	keep := make(map[key]bool, len(all))
	var late []location.Change
	for i, b := range all {
		if i%oftenEnough == oftenEnough-1 && h.view.ending() {
			h.abandon()
			return
		}
		keep[key{b.AOR, b.Contact}] = true
		if c := (location.Change{New: b}); !h.change(c) {
			late = append(late, c)
		}
	}
	if h.Len() > len(keep)-len(late) {
		for _, b := range h.Bindings() {
			if !keep[key{b.AOR, b.Contact}] {
				h.change(location.Change{Old: b})
			}
		}
	}
	h.changeLate(late)
	h.commit(to, node)
}

func (h *Home) commit(to record.Version, node *record.Node) {
	if node != nil {
		before := h.State()
		defer h.notedHome(before)
		n := *node
		n.Name = h.Name
		h.records.Store(record.NewHost(n, h.view.origin, h.view.ttl)) // first: a home with a node is visible
		was := h.node.Swap(&n)
		if len(n.Horizons) > 0 || was != nil && len(was.Horizons) > 0 {
			h.view.face()
		}
		h.changed()
	}
	h.digest.Store(&record.Digest{Version: to, Bindings: h.Len(), Sum: h.sum.Load()})
	h.view.touch()
}

// Bindings returns every binding of the home. It walks the whole view.
func (h *Home) Bindings() []location.Binding {
	out := make([]location.Binding, 0, h.Len())
	h.view.names.all(func(n *name) bool {
		for _, c := range n.claims() {
			if c.Home == h {
				out = append(out, c.Binding)
			}
		}
		return true
	})
	h.view.routes.all(func(r *route) bool {
		for _, c := range r.list {
			if c.Home == h && firstKey(c.Binding, r.key) {
				out = append(out, c.Binding)
			}
		}
		return true
	})
	return out
}

// change puts one change into the name it belongs to. It reports false, and has
// changed nothing, where there is no room for the new binding.
func (h *Home) change(c location.Change) bool {
	if c.New.Kind != 0 && c.Old.Kind == 0 && h.view.own != nil && h.Name == h.view.self {
		h.view.own(c.New)
	}
	h.judge(&c)
	if !c.Kind().Named() {
		return h.changeRoute(c)
	}
	key := c.AOR().Fold()
	had, has, refused, rival, delta, sum := false, false, false, false, 0, uint64(0)
	h.view.names.update(key, func(old *name) *name {
		var room [4]Claim
		was := old.claims()
		if len(was) >= location.MaxPerName && h.full(was, &c) {
			refused = true
			return old
		}
		now := h.replaced(room[:0], was, c)
		had, has, delta, rival = holds(was, h), holds(now, h), len(now)-len(was), len(now) > 1
		sum = h.added(was, now)
		next := newName(now)
		h.view.noted(UserKey(key), was, next.claims())
		return next
	})
	if refused {
		return false
	}
	h.count.Add(int64(delta))
	h.sum.Add(sum)
	if had != has {
		h.enumerate(key, c.AOR(), has)
	}
	if rival || h.view.contests.Load() { // otherwise no other home claims it, and one that does now asks by itself
		h.view.contest(key)
	}
	h.view.changed(UserKey(key))
	return true
}

// replaced appends claims with the change made to out, in rank order.
func (h *Home) replaced(out, claims []Claim, c location.Change) []Claim {
	for _, cl := range claims {
		gone := cl.Home == h && (cl.Binding.Contact == c.Old.Contact && cl.Binding.AOR == c.Old.AOR ||
			cl.Binding.Contact == c.New.Contact && cl.Binding.AOR == c.New.AOR)
		if !gone {
			out = append(out, cl)
		}
	}
	if c.New.Kind != 0 {
		cl := Claim{h, c.New}
		i := 0
		for i < len(out) && h.view.before(&out[i], &cl) {
			i++
		}
		out = append(out, Claim{})
		copy(out[i+1:], out[i:])
		out[i] = cl
	}
	return out
}

// before orders claims: newest stamp first, then by home and contact, so that
// every node sorts alike whatever the order of arrival.
func (v *View) before(a, b *Claim) bool {
	x, y := a.Binding.Stamp, b.Binding.Stamp
	if v.ahead.n.Load() != 0 {
		x, y = v.stamp(a), v.stamp(b)
	}
	switch {
	case x != y:
		return x > y
	case a.Home != b.Home:
		return a.Home.Name < b.Home.Name
	}
	return a.Binding.Contact < b.Binding.Contact
}

// compare is before, for package slices.
func (v *View) compare(a, b Claim) int {
	if v.before(&a, &b) {
		return -1
	}
	return 1
}

func holds(claims []Claim, h *Home) bool {
	for _, c := range claims {
		if c.Home == h {
			return true
		}
	}
	return false
}

// enumerate counts the name in (or out of) the non-terminals above it.
func (h *Home) enumerate(key string, a location.AOR, add bool) {
	d := int32(-1)
	if add {
		d = 1
	}
	if digits, ok := a.Number(); ok {
		s := spellingOf(key, digits)
		h.view.lengths.sized(s, len(digits))
		if !h.spells(digits, s.others()) {
			h.view.numbers().enumerate(digits, h, d)
		}
	}
	h.view.words().enumerate(key, h, d)
}

// Users returns the bindings of the home at a folded AOR, registrations
// included, in rank order.
func (h *Home) Users(key string) []location.Binding {
	var out []location.Binding
	for _, c := range h.view.Named(key) {
		if c.Home == h {
			out = append(out, c.Binding)
		}
	}
	return out
}

// Digest returns the digest at the version that Version returns.
func (h *Home) Digest() record.Digest {
	if d := h.digest.Load(); d != nil {
		return *d
	}
	return record.Digest{}
}

// added is how the sum changes where the home's claims on one name were was, and
// are now.
func (h *Home) added(was, now []Claim) (d uint64) {
	for i := range now {
		if now[i].Home == h {
			d += record.Hash(&now[i].Binding)
		}
	}
	for i := range was {
		if was[i].Home == h {
			d -= record.Hash(&was[i].Binding)
		}
	}
	return d
}

// For returns the node's records as a client gets them, nil while it has
// told of none.
func (h *Home) For(c record.Client) *record.Host { return h.records.Load().For(c) }
