package peer

import (
	"errors"
	"fmt"
	"net"

	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/tsig"
	"github.com/miekg/dns"
)

// said takes the version in an answer of the other side to a question of this
// one, and transfers the zone unless it is held at that version.
func (p *Peer) said(v record.Version) {
	p.latest.Store(&v)
	if v == p.cfg.Home.Version() {
		p.markLevel()
	} else {
		poke(p.wake)
	}
}

// greeting packs a question for the SOA, with the own SOA in the authority
// section, where a question for an IXFR has it (RFC 1995 §3).
func (p *Peer) greeting() ([]byte, error) {
	m := new(dns.Msg).SetQuestion(p.apex, dns.TypeSOA)
	m.RecursionDesired = false
	wire, err := m.Pack()
	if err != nil {
		return nil, fmt.Errorf("pack request: %w", err)
	}
	if p.cfg.Own != nil {
		var n int
		wire, n = p.cfg.Own.greet(wire)
		wire[9] = byte(n) // NSCOUNT
	}
	return wire, nil
}

// HandleHeartbeat takes the authority section of a signed question for this node's own
// SOA that came from an address over TCP: the other side tells its own SOA, and
// that it lives. It has to come from where the peer's DNS server is, as in News.
func (p *Peer) HandleHeartbeat(authority []dns.RR, from net.Addr) {
	if len(authority) == 0 || !p.cameFrom(from) {
		return
	}
	soa, ok := authority[0].(*dns.SOA)
	if !ok || dns.CanonicalName(soa.Hdr.Name) != p.apex {
		return
	}
	p.pulse.greeted.Store(int64(p.now()))
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
