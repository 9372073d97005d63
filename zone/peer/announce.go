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

// maxNews is how many steps and changes a NOTIFY takes along at most: what is
// more is asked for, so that a peer which is busy decides itself when.
const maxNews = 200

// announcement is the NOTIFY that is under way to a peer, and what came of those
// before it. The goroutine that reads takes their answers, and wakes the one
// that announces only where there is more to tell.
type announcement struct {
	mu    sync.Mutex
	told  record.Version // what the other side has last acknowledged
	plain bool           // it takes no NOTIFY with more than a SOA
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
		n, c, err := p.tell(s, a)
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
				// One that is late waits behind an answer under way; whether the
				// connection is silent is for the heartbeat to say.
				s.forget(c)
				a.answered(a.number(), n, nil, own)
			}
		}
	}
}

// tell sends one NOTIFY. A node that does not know this one yet refuses it; its
// heartbeat will catch up.
func (p *Peer) tell(s *session, a *announcement) (notice, *call, error) {
	number, told := a.begin()
	n, err := p.cfg.Own.notice(told)
	if err != nil {
		return n, nil, err
	}
	c, err := s.ask(n.wire, n.more, func(wire []byte) { a.answered(number, n, wire, p.cfg.Own.own) })
	return n, c, err
}

// begin takes note of a NOTIFY that is being sent, and returns its number and what
// the other side has.
func (a *announcement) begin() (number int, told record.Version) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.count++
	a.open = a.count
	return a.open, a.told
}

func (a *announcement) number() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.open
}

func (a *announcement) busy() bool { return a.number() != 0 }

// answered takes note of an answer, or of none in time. One that is no longer
// waited for says nothing.
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
		a.told = n.version
	case wire[3]&15 == dns.RcodeFormatError && n.more: // an older version
		a.told, a.plain, again = record.Version{}, true, true
	}
	if again {
		poke(a.more)
	}
}

// notice is a NOTIFY that is ready to be signed.
type notice struct {
	wire    []byte
	version record.Version // that it tells of
	more    bool           // it takes along what has changed
}

// news makes a NOTIFY. Its answer section is a hint (RFC 1996 §3.7), which begins
// with the SOA, as that of any, and goes on as the answer to an IXFR from told
// where that is short (RFC 1995 §4): who has that needs no more, everybody else asks.
func news(own *primary.Primary, origin string, told record.Version) (n notice, err error) {
	apex := record.HomeZone(own.Node().Name, origin)
	m := new(dns.Msg).SetNotify(apex)
	if n.version = own.Version(); n.version.Epoch == told.Epoch {
		v, deltas, ok := own.Since(told.Serial)
		n.version = v
		if ok && v.Epoch == told.Epoch && short(deltas) {
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
		if steps += 1 + len(d.Changes); steps > maxNews {
			return false
		}
	}
	return steps > 0
}

// standard is what package dns takes by itself.
var standard = dns.DefaultMsgAcceptFunc

// Accept is a dns.Server.MsgAcceptFunc: what the default one takes, and signed
// NOTIFYs with more than a SOA, which it does not.
func Accept(h dns.Header) dns.MsgAcceptAction {
	const most = 4*maxNews + 2 // for a step, two SOA and two TXT of the node; two for a change
	if int(h.Bits>>11)&0xF == dns.OpcodeNotify && h.Ancount <= most && h.Arcount > 0 {
		h.Ancount = min(h.Ancount, 1)
	}
	return standard(h)
}
