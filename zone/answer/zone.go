package answer

import (
	"sync/atomic"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
)

// Zone answers any name of the federation zone out of a view. It has no data of
// its own: what a node may decide about answers, and what it has counted. Safe
// for concurrent use.
//
// It has more methods than a type should, because each kind of name (users,
// numbers, nodes, trunks, delegated blocks) is answered by one and all of them
// rank claims alike. They stand in a file for each kind.
type Zone struct {
	*view.View
	origin  string
	ttl     uint32
	host    string // this node's name server, SOA MNAME
	mailbox string // SOA RNAME
	policy
	serial  atomic.Uint32 // as this node answers it
	turn    atomic.Uint32 // of those who are equal
	trimmed atomic.Int64
}

// policy is what Config says.
type policy struct {
	order      Order
	selection  []Criterion // how ways out are ranked
	dial       Dial
	cuts       []cut
	itad       string
	onTrimmed  func(owner string)
	onOccluded func(a location.AOR, block string)
}

// Config says how names are answered.
type Config struct {
	Order Order
	// Selection is what ranks ways out, the first one first; none means
	// DefaultSelection.
	Selection []Criterion
	Dial      Dial
	// Delegations are blocks of numbers that others answer for.
	Delegations []Delegation
	// OnOccluded is called with a binding of this node in such a block. It must
	// not block. May be nil.
	OnOccluded func(a location.AOR, block string)
	// ITAD is the federation's number below isn, "" for none.
	ITAD string
	// OnTrimmed is called with a name whose answer left homes out for its size. It
	// must not block. May be nil.
	OnTrimmed func(owner string)
}

// New returns the zone of a view. Nothing may be bound here yet.
func New(c Config, v *view.View) *Zone {
	z := newZone(v, policy{order: c.Order, selection: c.Selection, dial: c.Dial, itad: c.ITAD, onTrimmed: c.OnTrimmed, onOccluded: c.OnOccluded,
		cuts: newCuts(c.Delegations, v.Origin(), v.TTL())})
	if len(z.selection) == 0 {
		z.selection = DefaultSelection
	}
	z.serial.Store(uint32(v.Now().Unix()))
	if len(z.cuts) > 0 && z.onOccluded != nil {
		v.OnOwn(z.occluded)
	}
	return z
}

func newZone(v *view.View, p policy) *Zone {
	return &Zone{View: v, origin: v.Origin(), ttl: v.TTL(), host: record.NodeName(v.Self(), v.Origin()), mailbox: "hostmaster." + v.Origin(), policy: p}
}
