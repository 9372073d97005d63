package peer

import (
	"context"
	"fmt"
	"time"

	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/stream"
	"github.com/miekg/dns"
)

// stall is how long the next message of a transfer may take.
const stall = 5 * time.Second

// soa asks for the version of the zone apex.
func (s *session) soa(ctx context.Context, apex string, d time.Duration) (record.Version, error) {
	m := new(dns.Msg)
	m.SetQuestion(apex, dns.TypeSOA)
	m.RecursionDesired = false
	r, err := s.exchange(ctx, m, d)
	if err != nil {
		return record.Version{}, err
	}
	for _, rr := range r.Answer {
		if soa, ok := rr.(*dns.SOA); ok {
			return record.VersionOf(soa), nil
		}
	}
	return record.Version{}, fmt.Errorf("%s has no SOA there", apex)
}

// digest asks for the digest of the zone apex.
func (s *session) digest(ctx context.Context, apex string, d time.Duration) (record.Digest, error) {
	m := new(dns.Msg)
	m.SetQuestion(record.DigestName(apex), dns.TypeTXT)
	m.RecursionDesired = false
	r, err := s.exchange(ctx, m, d)
	if err != nil {
		return record.Digest{}, err
	}
	for _, rr := range r.Answer {
		if txt, ok := rr.(*dns.TXT); ok {
			return record.ParseDigest(txt.Txt)
		}
	}
	return record.Digest{}, fmt.Errorf("%s has no TXT there", m.Question[0].Name)
}

// pull asks for the zone, by AXFR if held is nil, otherwise by IXFR from there.
func (s *session) pull(ctx context.Context, apex, origin string, held *record.Version) (*stream.Transfer, error) {
	m := new(dns.Msg)
	m.SetQuestion(apex, dns.TypeAXFR)
	m.RecursionDesired = false
	if held != nil {
		m.Question[0].Qtype = dns.TypeIXFR
		m.Ns = []dns.RR{held.SOA(apex, origin, 0)}
	}
	c, err := s.send(m)
	if err != nil {
		return nil, err
	}
	defer s.forget(c)
	r := stream.NewReader(apex, held)
	for {
		wire, err := s.next(ctx, c, stall)
		if err != nil {
			return nil, fmt.Errorf("transfer %s: %w", apex, err)
		}
		n, err := r.Message(wire)
		stream.Recycle(wire)
		switch {
		case err != nil:
			return nil, fmt.Errorf("transfer %s: %w", apex, err)
		case r.Done():
			return r.Transfer(), nil
		case r.Level():
			return &stream.Transfer{Version: *held}, nil
		case n == 0:
			return nil, fmt.Errorf("transfer %s: %w", apex, stream.ErrShort)
		}
	}
}
