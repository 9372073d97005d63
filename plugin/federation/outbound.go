package federation

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/asterfed/asterfed/zone/outbound"
	"github.com/asterfed/asterfed/zone/stream"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"
)

// maxTransfers bounds the transfers of the federation zone at a time. Another request
// is answered SERVFAIL, and its sender tries again.
const maxTransfers = 8

// outbound answers AXFR and IXFR of the federation zone to the holder of the transfer
// key or of a secondary's key.
func (f *Federation) outbound(w dns.ResponseWriter, r *dns.Msg, qname, name string) (int, error) {
	key := f.authority.cfg.TransferKey(name)
	if key == nil || qname != f.origin {
		return f.fail(w, r, dns.RcodeRefused)
	}
	if t := tsigOf(r, name); t != nil && dns.CanonicalName(t.Algorithm) != dns.CanonicalName(key.Algorithm) {
		return f.tsigError(w, r, t, dns.RcodeBadKey)
	}
	f.authority.secondaryAsked(name, addrOf(w))
	var from *dns.SOA
	if r.Question[0].Qtype == dns.TypeIXFR {
		if from = soaOf(r.Ns, f.origin); from == nil {
			return f.fail(w, r, dns.RcodeFormatError)
		}
	}
	state := request.Request{W: w, Req: r}
	if state.Proto() == "udp" {
		return f.outboundUDP(w, r, from)
	}
	z := f.authority.outbound
	select {
	case f.transfers <- struct{}{}:
		defer func() { <-f.transfers }()
	default:
		return f.fail(w, r, dns.RcodeServerFailure)
	}
	var kind outbound.Kind
	err := z.Follow()
	if err == nil {
		err = f.stream(w, r, key, func(reply stream.Reply) (err error) {
			s, err := stream.NewStream(reply, f.origin, f.authority.zone.TTL())
			if err == nil {
				kind, err = z.Transfer(from, s)
			}
			return err
		}, func(send func([]dns.RR) error) (err error) {
			kind, err = z.Transfer(from, stream.NewSections(f.origin, f.authority.zone.TTL(), send))
			return err
		})
	}
	switch {
	case errors.Is(err, outbound.ErrUnsettled):
		return f.fail(w, r, dns.RcodeServerFailure)
	case err != nil:
		w.Close()
		return dns.RcodeSuccess, fmt.Errorf("transfer %s: %w", f.origin, err)
	}
	outboundCount.WithLabelValues(f.origin, string(kind)).Inc()
	f.authority.log.Info("federation zone transferred", "kind", kind, "to", state.IP(), "key", name)
	return dns.RcodeSuccess, nil
}

// outboundUDP answers IXFR with the SOA, so that the secondary tries again over
// TCP (RFC 1995 §2). AXFR is for TCP alone (RFC 5936 §4.2).
func (f *Federation) outboundUDP(w dns.ResponseWriter, r *dns.Msg, from *dns.SOA) (int, error) {
	switch {
	case from == nil:
		return f.fail(w, r, dns.RcodeRefused)
	case !f.authority.zone.Settled():
		return f.fail(w, r, dns.RcodeServerFailure)
	}
	m := new(dns.Msg)
	m.SetReply(r)
	m.Authoritative, m.RecursionAvailable = true, false
	m.Answer = []dns.RR{f.authority.zone.SOA(f.authority.zone.Serial())}
	return f.write(w, r, m)
}

// fail answers a request with an rcode, signed if it was.
func (f *Federation) fail(w dns.ResponseWriter, r *dns.Msg, rcode int) (int, error) {
	return f.write(w, r, new(dns.Msg).SetRcode(r, rcode))
}

// soaOf returns the SOA of the zone apex among records, nil if there is none.
func soaOf(rrs []dns.RR, apex string) *dns.SOA {
	for _, rr := range rrs {
		if soa, ok := rr.(*dns.SOA); ok && dns.CanonicalName(soa.Hdr.Name) == apex {
			return soa
		}
	}
	return nil
}

// addrOf returns the address that a request came from.
func addrOf(w dns.ResponseWriter) netip.Addr {
	at, err := netip.ParseAddrPort(w.RemoteAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap()
}
