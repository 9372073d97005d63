package peer

import (
	"errors"
	"fmt"
	"net"

	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/tsig"
	"github.com/miekg/dns"
)

// heartbeatQuery packs a query for the peer's SOA. Its authority section has this
// node's own SOA, as a query for an IXFR has it (RFC 1995 §3).
func (p *Peer) heartbeatQuery() ([]byte, error) {
	m := new(dns.Msg).SetQuestion(p.apex, dns.TypeSOA)
	m.RecursionDesired = false
	wire, err := m.Pack()
	if err != nil {
		return nil, fmt.Errorf("pack request: %w", err)
	}
	if p.cfg.Own != nil {
		var n int
		wire, n = p.cfg.Own.appendSOA(wire)
		wire[9] = byte(n) // NSCOUNT
	}
	return wire, nil
}

// HandleHeartbeat handles a signed query for this node's own SOA, which came over
// TCP from an address: the authority section has the SOA of the peer, and the query
// proves that the peer is alive. It counts only if it came from the address of the
// peer's DNS server. From any goroutine; it does not block.
func (p *Peer) HandleHeartbeat(authority []dns.RR, from net.Addr) {
	if len(authority) == 0 || !p.cameFrom(from) {
		return
	}
	soa, ok := authority[0].(*dns.SOA)
	if !ok || dns.CanonicalName(soa.Hdr.Name) != p.apex {
		return
	}
	p.pulse.theirs.Store(int64(p.now()))
	v := record.VersionOf(soa)
	if v == p.cfg.Home.Version() {
		p.markLevel()
	}
	p.hinted(v)
}

var errMessage = errors.New("message ends before its records")

// soaIn returns the version in the first record of an answer's or an authority
// section, which begins with the SOA of a home zone.
func soaIn(wire []byte) (record.Version, error) {
	if len(wire) < tsig.HeaderSize {
		return record.Version{}, errMessage
	}
	off, ok := tsig.SkipQuestions(wire)
	if !ok || off >= len(wire) {
		return record.Version{}, errMessage
	}
	rr, _, err := dns.UnpackRR(wire, off)
	if err != nil {
		return record.Version{}, fmt.Errorf("unpack record: %w", err)
	}
	soa, ok := rr.(*dns.SOA)
	if !ok {
		return record.Version{}, fmt.Errorf("%s has no SOA there", question(wire))
	}
	return record.VersionOf(soa), nil
}
