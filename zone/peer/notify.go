package peer

import (
	"net"

	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/stream"
	"github.com/miekg/dns"
)

// HandleNotify handles the answer section of a signed NOTIFY that came from an
// address over TCP. Changes in it enter the view at once if they lead on from the
// replica's version and came from the address of the peer's DNS server (the key
// alone proves no node). Otherwise the NOTIFY is a hint: the peer is asked (see
// hinted). From any goroutine.
func (p *Peer) HandleNotify(answer []dns.RR, from net.Addr) {
	var v record.Version
	if len(answer) > 0 {
		if soa, ok := answer[0].(*dns.SOA); ok {
			v = record.VersionOf(soa)
		}
	}
	// While a transfer enters the view the NOTIFY is answered all the same.
	if len(answer) > 1 && p.cameFrom(from) && p.taking.TryLock() {
		held := p.cfg.Home.Version()
		if t := stream.Deltas(answer, p.apex, held); t != nil {
			p.take(t)
		}
		p.taking.Unlock()
	}
	p.hinted(v)
}
