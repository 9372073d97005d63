package view

import (
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asterfed/asterfed/zone/location"
)

// View is the merged view: every binding of every home, by name. Reads take
// no lock and see each name's bindings whole; each home has one writer, and
// writers of several homes wait for each other only to count a new name.
//
// It has more fields and methods than a type should, because an answer reads
// names, counts and homes in a few hundred nanoseconds without a lock: behind
// an interface or a chain of parts each of these reads would cost a call.
type View struct {
	origin string
	self   string
	addr   netip.Addr
	ttl    uint32

	names   *table[name]  // by folded AOR
	routes  *table[route] // all else, by Key
	labels  tallies       // empty non-terminals below users, by dotted suffix
	digits  tallies       // number prefixes below e164
	lengths Lengths

	mu      sync.Mutex               // guards the writing of homes, indexed and nets
	homes   atomic.Pointer[[]*Home]  // by name
	indexed atomic.Pointer[[]*Home]  // by Home.index
	nets    atomic.Pointer[networks] // nil while no node names any

	contested sync.Map    // of folded AOR to location.AOR: bound here, claimed newer elsewhere
	contests  atomic.Bool // there ever was one
	ahead     aheadStamps
	wildcards atomic.Bool // there ever was one
	settled   atomic.Bool
	moved     atomic.Bool // something has changed since Moved was last asked
	changes   atomic.Pointer[changes]

	on   Listeners
	own  func(location.Binding) // see OnOwn
	done <-chan struct{}
	now  func() time.Time
}

// Config says whose view it is.
type Config struct {
	Origin string // federation zone, lower-case FQDN
	Self   string // this node's name
	// Addr is the address that this node's Asterisk sends from, invalid if not
	// known: a question from loopback counts as one from there.
	Addr netip.Addr
	TTL  time.Duration // of every record
	// Done is closed when the process ends: a home that is being filled is then
	// left as it is. May be nil.
	Done <-chan struct{}
	Now  func() time.Time
	Listeners
}

// Listeners are called while the view changes. They must not block, and each may
// be nil.
type Listeners struct {
	// OnContested is called with an AOR that is bound here whenever another home
	// claims it with a newer stamp.
	OnContested func(location.AOR)
	// OnSurplus is called with a binding that was refused because its home has
	// location.MaxPerName of its name.
	OnSurplus func(home string, b location.Binding)
	// OnChange is called with every change of a claim or of a home.
	OnChange func(Change)
}

// New returns an empty view that knows its own home only.
func New(c Config) *View {
	if c.Now == nil {
		c.Now = time.Now
	}
	v := &View{origin: c.Origin, self: c.Self, addr: c.Addr.Unmap(), ttl: uint32(max(1, c.TTL/time.Second)), on: c.Listeners,
		done: c.Done, now: c.Now, names: newNames(), routes: newRoutes(), labels: newTallies(), digits: newTallies()}
	v.homes.Store(&[]*Home{})
	v.indexed.Store(&[]*Home{})
	v.Home(c.Self)
	return v
}

// OnOwn sets what is called with each binding that this node publishes. It must
// be set before there are any.
func (v *View) OnOwn(f func(location.Binding)) { v.own = f }

// Named returns what is bound to a folded AOR, by every home, hidden ones too,
// newest first. The slice is shared and must not be modified.
func (v *View) Named(key string) []Claim { return v.names.load(key).claims() }

// Keyed is Named for a key that is not a user's.
func (v *View) Keyed(key Key) []Claim { return v.routes.load(string(key)).claims() }

// Lengths returns which lengths numbers have.
func (v *View) Lengths() *Lengths { return &v.lengths }

// AboveName reports whether a visible home has names below the labels.
func (v *View) AboveName(labels string) bool { return v.inhabited(v.labels, labels) }

// AboveNumber reports whether a visible home has numbers that begin with the
// digits and have more.
func (v *View) AboveNumber(digits string) bool { return v.inhabited(v.digits, digits) }

// EachNumber calls f with the digits of every number and block, and with those
// that lead to one, some of them more than once.
func (v *View) EachNumber(f func(digits string)) {
	v.digits.all(func(c *census) bool { f(c.key); return true })
	v.names.all(func(n *name) bool {
		if digits, ok := n.aor().Number(); ok {
			f(digits)
		}
		return true
	})
	v.routes.all(func(r *route) bool {
		if digits, ok := r.key.Digits(); ok {
			f(digits)
		}
		return true
	})
}

// Now returns the time by the view's clock.
func (v *View) Now() time.Time { return v.now() }

// Self returns the name of this node.
func (v *View) Self() string { return v.self }

// Origin returns the federation zone.
func (v *View) Origin() string { return v.origin }

// TTL returns the TTL of every record, in seconds.
func (v *View) TTL() uint32 { return v.ttl }

// Homes returns every home that the view knows, by name. The slice is shared
// and must not be modified.
func (v *View) Homes() []*Home { return *v.homes.Load() }

// Own returns the home of this node.
func (v *View) Own() *Home { return v.Home(v.self) }

// Find returns the home of a node, nil if unknown.
func (v *View) Find(node string) *Home {
	homes := v.Homes()
	i, ok := search(homes, node)
	if !ok {
		return nil
	}
	return homes[i]
}

// Home returns the home of a node, made if it is new.
func (v *View) Home(node string) *Home {
	if h := v.Find(node); h != nil {
		return h
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	old := v.Homes()
	i, ok := search(old, node)
	if ok {
		return old[i]
	}
	h := &Home{Name: node, view: v, index: uint32(len(old))}
	indexed := append(slices.Clip(*v.indexed.Load()), h)
	v.indexed.Store(&indexed)
	homes := slices.Insert(slices.Clone(old), i, h)
	v.homes.Store(&homes)
	return h
}

// Rival returns the newest stamp with which a home other than this node's own
// claims the AOR, zero if none does. One that is impossible counts as of when it
// came.
func (v *View) Rival(a location.AOR) location.Stamp {
	for _, c := range v.Named(a.Fold()) {
		if c.Home.Name != v.self && c.Binding.Kind.Claims() {
			return v.stamp(&c)
		}
	}
	return 0
}

// Contested returns the AORs bound here that another home claims newer.
func (v *View) Contested() []location.AOR {
	var out []location.AOR
	v.contested.Range(func(key, a any) bool {
		if _, lost := v.lost(key.(string)); lost {
			out = append(out, a.(location.AOR))
		} else {
			v.contested.Delete(key)
		}
		return true
	})
	return out
}

// SetSettled tells the view whether it has heard of every home that it should
// know. Until it has, what it lacks is "not known yet", never "absent".
func (v *View) SetSettled(ok bool) { v.settled.Store(ok) }

// Settled reports what SetSettled was last told.
func (v *View) Settled() bool { return v.settled.Load() }

// search finds a node in homes, which are sorted by name.
func search(homes []*Home, node string) (int, bool) {
	return slices.BinarySearchFunc(homes, node, func(h *Home, n string) int { return strings.Compare(h.Name, n) })
}
