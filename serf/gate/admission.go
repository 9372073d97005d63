package gate

import (
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-msgpack/v2/codec"
	"github.com/hashicorp/memberlist"
)

// ZoneTag is the tag in which a member names the federation that it belongs to.
const ZoneTag = "zone"

// Admission decides who becomes a member. The gossip key alone does not: two
// federations may share one, and a copied disk brings a node's name along. It is
// memberlist's delegate for messages that a node is alive and for the exchange
// of whole member lists. memberlist calls NotifyAlive under its own lock, so
// nothing here may call back into memberlist or Serf.
type Admission struct {
	Self string
	Zone string // "" admits members of every zone
	Log  *slog.Logger

	company atomic.Bool

	mu      sync.Mutex
	own     netip.AddrPort // advertised, once memberlist has asked for it
	warned  time.Time      // last warning about a rival
	refused time.Time      // last warning about a stranger
}

// admissionPause is the least time between two warnings of one kind: what is
// refused is gossiped several times a second.
const admissionPause = time.Minute

// strangerError says that the other side belongs to another federation.
type strangerError struct {
	node      string
	addr      netip.AddrPort
	zone, own string
}

func (e *strangerError) Error() string {
	return fmt.Sprintf("%s at %s %s %s, this node to %s", e.node, e.addr, OtherZone, e.zone, e.own)
}

// Parts of errors that memberlist passes on as text only.
const (
	OtherZone = "belongs to the federation"
	NameTaken = "is taken by"
)

// stranger reports whether n carries the tag of another zone. A member without
// the tag is an observer, such as a stock serf agent, and is let in.
func (a *Admission) stranger(n *memberlist.Node) *strangerError {
	if a.Zone == "" {
		return nil
	}
	if zone := tagsOf(n.Meta)[ZoneTag]; zone != "" && zone != a.Zone {
		return &strangerError{n.Name, addrOf(n), zone, a.Zone}
	}
	return nil
}

// NotifyAlive refuses members of other zones and, under this node's own name,
// every address but its own.
func (a *Admission) NotifyAlive(n *memberlist.Node) error {
	if err := a.stranger(n); err != nil {
		a.warnStranger(err)
		return err
	}
	if n.Name != a.Self {
		return nil
	}
	at := addrOf(n)
	a.mu.Lock()
	other := a.own.IsValid() && at != a.own
	a.mu.Unlock()
	if !other {
		return nil
	}
	a.warnRival(at)
	return a.Taken(at)
}

// NotifyMerge looks at the member list of a node that joins or is joined. It
// refuses the list of another federation, and, while this node is alone, a list
// in which its name is in use at another address: a federation that knows the
// incumbent must never hear of the newcomer.
func (a *Admission) NotifyMerge(nodes []*memberlist.Node) error {
	var stranger *strangerError
	var rival netip.AddrPort
	ours := 0
	a.mu.Lock()
	own := a.own
	a.mu.Unlock()
	for _, n := range nodes {
		if err := a.stranger(n); err != nil {
			stranger = err
			continue
		}
		if n.State != memberlist.StateAlive && n.State != memberlist.StateSuspect {
			continue
		}
		if tagsOf(n.Meta)[ZoneTag] != "" {
			ours++
		}
		if at := addrOf(n); n.Name == a.Self && at != own {
			rival = at
		}
	}
	switch {
	case stranger != nil && ours == 0:
		a.warnStranger(stranger)
		return stranger
	case rival.IsValid():
		a.warnRival(rival)
		if !a.company.Load() {
			return a.Taken(rival)
		}
	}
	return nil
}

// Taken is the error of a node that finds its name in use.
func (a *Admission) Taken(by netip.AddrPort) error {
	return fmt.Errorf("name %s %s %s", a.Self, NameTaken, by)
}

func (a *Admission) warnStranger(e *strangerError) {
	if a.due(&a.refused) {
		a.Log.Warn("member of another federation refused: the two share a gossip key", "node", e.node, "addr", e.addr, "zone", e.zone)
	}
}

func (a *Admission) warnRival(at netip.AddrPort) {
	if a.due(&a.warned) {
		a.Log.Warn("another node uses the name of this node; rename or stop one of the two", "node", a.Self, "addr", at)
	}
}

// SetCompany says whether another member is up.
func (a *Admission) SetCompany(up bool) { a.company.Store(up) }

// RivalIn returns the address in an error that says that our name is taken, which
// memberlist passes on as text only.
func RivalIn(err error) (netip.AddrPort, bool) {
	if err == nil {
		return netip.AddrPort{}, false
	}
	_, text, found := strings.Cut(err.Error(), NameTaken+" ")
	if !found {
		return netip.AddrPort{}, false
	}
	at, err := netip.ParseAddrPort(strings.Fields(text)[0])
	return at, err == nil
}

// SetOwn says at which address this node is to be reached.
func (a *Admission) SetOwn(at netip.AddrPort) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.own = at
}

// due reports whether the pause since last is over, and begins the next one.
func (a *Admission) due(last *time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !last.IsZero() && time.Since(*last) < admissionPause {
		return false
	}
	*last = time.Now()
	return true
}

func addrOf(n *memberlist.Node) netip.AddrPort {
	ip, _ := netip.AddrFromSlice(n.Addr)
	return netip.AddrPortFrom(ip.Unmap(), n.Port)
}

// tagsMagic begins tags that are encoded as a msgpack map; Serf before 0.2 sent
// a bare role.
const tagsMagic = 255

func tagsOf(meta []byte) map[string]string {
	tags := make(map[string]string)
	if len(meta) == 0 || meta[0] != tagsMagic {
		return tags
	}
	if err := codec.NewDecoderBytes(meta[1:], &codec.MsgpackHandle{}).Decode(&tags); err != nil {
		return map[string]string{}
	}
	return tags
}
