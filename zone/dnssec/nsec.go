package dnssec

import (
	"slices"

	"github.com/miekg/dns"
)

// nsec is the one record that says what a name has and has not: its own, up to
// the name right behind it (RFC 9824 §3). It denies nothing of other names, so
// that a resolver which makes use of it for others (RFC 8198) learns nothing
// wrong.
func (s *Signer) nsec(name string, ttl uint32, types Types) *dns.NSEC {
	has, exists := types(dns.CanonicalName(name))
	bitmap := append([]uint16{dns.TypeRRSIG, dns.TypeNSEC}, has...)
	if !exists {
		bitmap = []uint16{dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNXNAME}
	}
	if exists && dns.CanonicalName(name) == s.origin {
		bitmap = append(bitmap, dns.TypeDNSKEY)
		if len(s.keys.Load().children(dns.TypeCDS, s.now())) > 0 {
			bitmap = append(bitmap, dns.TypeCDS, dns.TypeCDNSKEY)
		}
	}
	slices.Sort(bitmap)
	return &dns.NSEC{Hdr: header(name, dns.TypeNSEC, ttl), NextDomain: next(name), TypeBitMap: slices.Compact(bitmap)}
}

// maxName is how many octets a name has at most (RFC 1035 §2.3.4).
const maxName = 255

// next returns the first name behind another in canonical order (RFC 4471
// §3.1.2): the first below it, or where there is no room for one, the next
// label beside it.
func next(name string) string {
	var buf [maxName + 2]byte
	n, err := dns.PackDomainName(name, buf[2:], 0, nil, false)
	if err != nil {
		return name
	}
	wire := buf[2 : 2+n]
	switch label := int(wire[0]); {
	case n+2 <= maxName:
		wire = buf[:2+n]
		wire[0], wire[1] = 1, 0
	case n+1 <= maxName && label < 63: // label + one octet of zero
		wire = buf[1 : 2+n]
		copy(wire, wire[1:2+label])
		wire[0], wire[1+label] = byte(label+1), 0
	default:
		for i := label; i > 0; i-- {
			if wire[i]++; wire[i] != 0 {
				break
			}
		}
	}
	out, _, err := dns.UnpackDomainName(wire, 0)
	if err != nil {
		return name
	}
	return out
}

func header(name string, typ uint16, ttl uint32) dns.RR_Header {
	return dns.RR_Header{Name: name, Rrtype: typ, Class: dns.ClassINET, Ttl: ttl}
}

// minimum is how long a denial may be kept: the lesser of the SOA's minimum and
// its TTL (RFC 9077 §3).
func minimum(m *dns.Msg) uint32 {
	for _, rr := range m.Ns {
		if soa, ok := rr.(*dns.SOA); ok {
			return min(soa.Minttl, soa.Hdr.Ttl)
		}
	}
	for _, rr := range slices.Concat(m.Answer, m.Ns) {
		return rr.Header().Ttl
	}
	return 1
}
