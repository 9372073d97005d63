package peer

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/asterfed/asterfed/zone/primary"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/stream"
	"github.com/miekg/dns"
)

// maxChanges bounds the steps and changes that a NOTIFY has with it. A peer asks
// for more than that, so that one which is busy decides itself when.
const maxChanges = 200

// announcement is the NOTIFY that is under way to a peer, and the results of those
// before it. The goroutine that reads handles their answers; it wakes the one that
// announces only if there is a newer version to announce.
type announcement struct {
	mu    sync.Mutex
	acked record.Version // what the other side has last acknowledged
	plain bool           // it refuses a NOTIFY with more than a SOA
	open  int            // the number of the one under way, 0 if there is none
	count int
	more  chan struct{}
}

// announce sends a NOTIFY for every new version of this node's own zone: at
// once when the connection is idle, one for many under load.
func (p *Peer) announce(ctx context.Context, s *session) error {
	pace := notifyPace()
	own := p.cfg.Own.own
	a := &announcement{more: make(chan struct{}, 1)}
	late := time.NewTimer(time.Hour)
	defer late.Stop()
	for {
		if d := pace.next(time.Now()); d > 0 {
			if err := await(ctx, s, time.After(d)); err != nil {
				return err
			}
		}
		bell := own.Changed()
		n, c, err := p.notify(s, a)
		if err != nil {
			return err
		}
		late.Reset(3 * p.cfg.Timing.Silence)
		for waiting := true; waiting; {
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-s.done:
				return s.err()
			case <-bell:
				if bell = own.Changed(); own.Version() == n.version {
					continue // it rang before n was made
				}
				if waiting = a.busy(); waiting {
					bell = nil // the answer will say that there is more
				}
			case <-a.more:
				waiting = a.busy()
			case <-late.C:
				// The answer waits behind a long one. The heartbeat decides
				// whether the connection is silent.
				s.forget(c)
				a.answered(a.number(), n, nil, own)
			}
		}
	}
}

// notify sends one NOTIFY. A node that does not know this one yet refuses it, and
// learns of the version by its next heartbeat.
func (p *Peer) notify(s *session, a *announcement) (notice, *call, error) {
	number, acked := a.begin()
	n, err := p.cfg.Own.notice(acked)
	if err != nil {
		return n, nil, err
	}
	c, err := s.ask(n.wire, n.more, func(wire []byte) { a.answered(number, n, wire, p.cfg.Own.own) })
	return n, c, err
}

// begin counts a NOTIFY that is being sent, and returns its number and the version
// that the other side has acknowledged.
func (a *announcement) begin() (number int, acked record.Version) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.count++
	a.open = a.count
	return a.open, a.acked
}

func (a *announcement) number() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.open
}

func (a *announcement) busy() bool { return a.number() != 0 }

// answered handles the answer to a NOTIFY, or nil if none came in time. It ignores
// the answer to an earlier one.
func (a *announcement) answered(number int, n notice, wire []byte, own *primary.Primary) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if number == 0 || number != a.open {
		return
	}
	a.open = 0
	again := own.Version() != n.version
	switch {
	case wire == nil:
	case wire[3]&15 == dns.RcodeSuccess && !a.plain:
		a.acked = n.version
	case wire[3]&15 == dns.RcodeFormatError && n.more: // an older version
		a.acked, a.plain, again = record.Version{}, true, true
	}
	if again {
		poke(a.more)
	}
}

// notice is a NOTIFY that is ready to be signed.
type notice struct {
	wire    []byte
	version record.Version // that it announces
	more    bool           // it has the changes with it
}

// newNotice makes a NOTIFY. Its answer section is a hint (RFC 1996 §3.7): the SOA
// and, if that is short, the rest of the answer to an IXFR from the version that the
// peer has acknowledged (RFC 1995 §4). A peer that has this version needs no more;
// any other asks.
func newNotice(own *primary.Primary, origin string, acked record.Version) (n notice, err error) {
	apex := record.HomeZone(own.Node().Name, origin)
	m := new(dns.Msg).SetNotify(apex)
	if n.version = own.Version(); n.version.Epoch == acked.Epoch {
		v, deltas, ok := own.Since(acked.Serial)
		n.version = v
		if ok && v.Epoch == acked.Epoch && short(deltas) {
			if n.wire, n.more = stream.Hint(m, stream.Query{Origin: origin, Apex: apex}, v, deltas); n.more {
				return n, nil
			}
		}
	}
	m.Answer = []dns.RR{n.version.SOA(apex, origin, 0)}
	if n.wire, err = m.Pack(); err != nil {
		return n, fmt.Errorf("write NOTIFY: %w", err)
	}
	return n, nil
}

// short reports whether deltas, if there are any, go with a NOTIFY.
func short(deltas []record.Delta) bool {
	steps := 0
	for _, d := range deltas {
		if steps += 1 + len(d.Changes); steps > maxChanges {
			return false
		}
	}
	return steps > 0
}

// standard is the default of package dns.
var standard = dns.DefaultMsgAcceptFunc

// Accept is a dns.Server.MsgAcceptFunc. It accepts what the default accepts, and
// signed NOTIFYs that have the changes with them.
func Accept(h dns.Header) dns.MsgAcceptAction {
	const most = 4*maxChanges + 2 // for a step, two SOA and two TXT of the node; two for a change
	if int(h.Bits>>11)&0xF == dns.OpcodeNotify && h.Ancount <= most && h.Arcount > 0 {
		h.Ancount = min(h.Ancount, 1)
	}
	return standard(h)
}
