package peer

import (
	"sync"
	"time"

	"github.com/asterfed/asterfed/zone/primary"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/miekg/dns"
)

// Notifier makes, once for all peers, what a node sends them about its own zone:
// the NOTIFYs, and the SOA that goes with heartbeats. It also says when heartbeats
// are due, so that all of them are due at once. Safe for concurrent use.
type Notifier struct {
	own    *primary.Primary
	node   string
	apex   string
	origin string
	born   time.Time

	mu      sync.Mutex
	notices [2]made // the last two: for peers that are level, and for one that is not
	version record.Version
	soa     []byte
}

type made struct {
	acked record.Version
	notice
}

// NewNotifier returns the notifier of a node.
func NewNotifier(own *primary.Primary, origin string) *Notifier {
	node := own.Node().Name
	return &Notifier{own: own, node: node, apex: record.HomeZone(node, origin), origin: origin, born: time.Now()}
}

// notice returns a NOTIFY for a peer that has acknowledged a version. Its octets
// are shared and must not be modified.
func (h *Notifier) notice(acked record.Version) (notice, error) {
	now := h.own.Version()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range h.notices {
		if m.acked == acked && m.version == now {
			return m.notice, nil
		}
	}
	n, err := newNotice(h.own, h.origin, acked)
	if err != nil {
		return n, err
	}
	h.notices[1], h.notices[0] = h.notices[0], made{acked, n}
	return n, nil
}

// appendSOA appends the own SOA, as the authority section of a question, and
// returns the number of records.
func (h *Notifier) appendSOA(wire []byte) ([]byte, int) {
	now := h.own.Version()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.version != now {
		soa := now.SOA(h.apex, h.origin, 0)
		room := make([]byte, dns.Len(soa))
		n, err := dns.PackRR(soa, room, 0, nil, false)
		if err != nil {
			return wire, 0
		}
		h.version, h.soa = now, room[:n]
	}
	return append(wire, h.soa...), 1
}

// untilTick returns the time until the next heartbeats of all peers, so that a
// node wakes once for them.
func (h *Notifier) untilTick(interval time.Duration) time.Duration {
	return interval - time.Since(h.born)%interval
}

// leads reports whether this node's heartbeats serve both sides of a pair (see
// Peer.HandleHeartbeat).
func (h *Notifier) leads(node string) bool { return h.node < node }
