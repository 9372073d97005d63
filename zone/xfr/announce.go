package xfr

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/asterfed/asterfed/zone"
	"github.com/miekg/dns"
)

// maxNews is how many steps and changes a NOTIFY takes along at most: what is
// more is asked for, so that a peer which is busy decides itself when.
const maxNews = 200

// announce sends a NOTIFY for every new version of this node's own zone: at
// once when the connection is idle, one for many under load.
func (p *Peer) announce(ctx context.Context, s *session) error {
	var pace pace
	var told zone.Version // what the other side has last acknowledged
	plain := false        // it takes no NOTIFY with more than a SOA
	for {
		if d := pace.next(time.Now()); d > 0 {
			if err := await(ctx, s, time.After(d)); err != nil {
				return err
			}
		}
		bell := p.cfg.Own.Changed()
		n, err := news(p.cfg.Own, p.cfg.Origin, told)
		if err != nil {
			return err
		}
		rcode, err := s.notify(ctx, n, 3*p.cfg.Timing.Silence)
		// One that is late waits behind an answer under way; whether the
		// connection is silent is for the heartbeat to say.
		if err != nil && !errors.Is(err, errTimeout) {
			return err
		}
		switch {
		case err != nil:
		case rcode == dns.RcodeSuccess && !plain:
			told = n.version
		case rcode == dns.RcodeFormatError && n.more: // an older version
			told, plain = zone.Version{}, true
			continue
		}
		if p.cfg.Own.Version() != n.version {
			continue
		}
		if err := await(ctx, s, bell); err != nil {
			return err
		}
	}
}

// notify sends one NOTIFY and returns what it is answered. A node that does not
// know this one yet refuses it; its heartbeat will catch up.
func (s *session) notify(ctx context.Context, n notice, d time.Duration) (rcode int, err error) {
	c, err := s.sendPacked(n.wire, n.more)
	if err != nil {
		return 0, err
	}
	r, err := s.answer(ctx, c, d)
	if r == nil {
		return 0, err
	}
	return r.Rcode, nil
}

// notice is a NOTIFY that is ready to be signed.
type notice struct {
	wire    []byte
	version zone.Version // that it tells of
	more    bool         // it takes along what has changed
}

// news makes a NOTIFY. Its answer section is a hint (RFC 1996 §3.7), which begins
// with the SOA, as that of any, and goes on as the answer to an IXFR from told
// where that is short (RFC 1995 §4): who has that needs no more, everybody else asks.
func news(own *zone.Primary, origin string, told zone.Version) (n notice, err error) {
	apex := zone.HomeZone(own.Node().Name, origin)
	m := new(dns.Msg).SetNotify(apex)
	if n.version = own.Version(); n.version.Epoch == told.Epoch {
		v, deltas, ok := own.Since(told.Serial)
		n.version = v
		if ok && v.Epoch == told.Epoch && short(deltas) {
			if n.wire, n.more = hint(m, origin, apex, v, deltas); n.more {
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

// hint packs a NOTIFY with deltas, if they go into one message.
func hint(m *dns.Msg, origin, apex string, v zone.Version, deltas []zone.Delta) (wire []byte, ok bool) {
	messages := 0
	w, err := newWriter(Reply{Msg: m, Send: func(msg []byte) error {
		wire, messages = bytes.Clone(msg), messages+1
		return nil
	}}, apex, 0)
	if err != nil {
		return nil, false
	}
	defer w.release()
	a := answer{sink: w, apex: apex, origin: origin}
	err = a.incremental(v, deltas)
	return wire, err == nil && messages == 1
}

// short reports whether deltas, if there are any, go with a NOTIFY.
func short(deltas []zone.Delta) bool {
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
