package zone

import (
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
)

// View is the merged view: every binding of every home, by name. Reads take
// no lock and see each name's bindings whole; each home has one writer, and
// writers of several homes wait for each other only to count a new name.
type View struct {
	origin  string
	self    string
	host    string // this node's name server, SOA MNAME
	mailbox string // SOA RNAME
	addr    netip.Addr
	ttl     uint32
	order   Order
	ways    []Criterion // how ways out are ranked
	dial    Dial
	cuts    []cut
	itad    string

	names  *table[name]  // by folded AOR
	routes *table[route] // all else, by key
	labels tallies       // empty non-terminals below users, by dotted suffix
	digits tallies       // number prefixes below e164
	sizes  struct {      // of what stands in the ENUM tree
		plain, plus, published, cover sizes
	}

	mu      sync.Mutex               // guards the writing of homes, indexed and nets
	homes   atomic.Pointer[[]*Home]  // by name
	indexed atomic.Pointer[[]*Home]  // by Home.index
	nets    atomic.Pointer[networks] // nil while no node tells of any

	contested   sync.Map    // folded AOR → location.AOR: bound here, claimed newer elsewhere
	contests    atomic.Bool // there ever was one
	onContested func(location.AOR)
	onTrimmed   func(owner string)
	onOccluded  func(a location.AOR, block string)
	onSurplus   func(home string, b location.Binding)
	done        <-chan struct{}
	onChange    func(Change)
	serial      atomic.Uint32 // of the federation zone, as this node answers it
	moved       atomic.Bool   // something has changed since Moved was last asked
	dirt        atomic.Pointer[collector]
	wildcards   atomic.Bool // there ever was one
	turn        atomic.Uint32
	settled     atomic.Bool
	trimmed     atomic.Int64
	ahead       aheadStamps
	now         func() time.Time
}

// Order is the policy that ranks the homes of a user who has several.
type Order string

// The policies.
const (
	Newest  Order = "newest"  // latest registration first
	Nearest Order = "nearest" // nearest home first, then latest
	All     Order = "all"     // equal preference, rotated
)

// Config says whose view it is.
type Config struct {
	Origin string // federation zone, lower-case FQDN
	Self   string // this node's name
	// Addr is the address that this node's Asterisk sends from, invalid if not
	// known: a question from loopback counts as one from there.
	Addr  netip.Addr
	TTL   time.Duration
	Order Order
	// Ways are the criteria that rank ways out, the first one first; none means
	// DefaultWays.
	Ways []Criterion
	Dial Dial
	// Delegations are blocks of numbers that others answer for.
	Delegations []Delegation
	// OnOccluded is told of a binding of this node in such a block. It must not
	// block. May be nil.
	OnOccluded func(a location.AOR, block string)
	// ITAD is the federation's number below isn, "" for none.
	ITAD string
	// OnContested is told of an AOR bound here whenever another home claims it
	// with a newer stamp. It must not block. May be nil.
	OnContested func(location.AOR)
	// OnTrimmed is told of a name whose answer left homes out for its size. It
	// must not block. May be nil.
	OnTrimmed func(owner string)
	// OnSurplus is told of a binding that was refused because its home has
	// location.MaxPerName of its name. It must not block. May be nil.
	OnSurplus func(home string, b location.Binding)
	// Done is closed when the process ends: a home that is being filled is then
	// left as it is. May be nil.
	Done <-chan struct{}
	// OnChange is told of every change of a claim or of a home. It must not
	// block. May be nil.
	OnChange func(Change)
	Now      func() time.Time
}

// NewView returns an empty view that knows its own home only.
func NewView(c Config) *View {
	if c.Now == nil {
		c.Now = time.Now
	}
	v := &View{origin: c.Origin, self: c.Self, addr: c.Addr.Unmap(), ttl: uint32(max(1, c.TTL/time.Second)), order: c.Order, dial: c.Dial, itad: c.ITAD,
		onContested: c.OnContested, onTrimmed: c.OnTrimmed, onOccluded: c.OnOccluded, onSurplus: c.OnSurplus, done: c.Done, onChange: c.OnChange, now: c.Now, names: newNames(), routes: newRoutes(), labels: newTallies(), digits: newTallies()}
	if v.ways = c.Ways; len(v.ways) == 0 {
		v.ways = DefaultWays
	}
	v.host, v.mailbox = record.NodeName(c.Self, c.Origin), "hostmaster."+c.Origin
	v.cuts = newCuts(c.Delegations, c.Origin, v.ttl)
	v.homes.Store(&[]*Home{})
	v.indexed.Store(&[]*Home{})
	v.serial.Store(uint32(v.now().Unix()))
	v.Home(c.Self)
	return v
}

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
	for _, c := range v.names.load(a.Fold()).claims() {
		if c.home.Name != v.self && c.b.Kind.Claims() {
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
