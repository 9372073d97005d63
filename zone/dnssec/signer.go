package dnssec

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// Signer signs the answers of one zone. Safe for concurrent use.
type Signer struct {
	origin string
	now    func() time.Time
	keys   atomic.Pointer[Keyring]
	cache  *cache
}

// New returns a signer of the zone origin (lower-case FQDN).
func New(origin string, keys *Keyring, now func() time.Time) *Signer {
	s := &Signer{origin: origin, now: now, cache: newCache(cacheSize)}
	s.keys.Store(keys)
	return s
}

// SetKeys replaces the keys. Signatures that other keys have made stay in use
// until those are asked for again.
func (s *Signer) SetKeys(k *Keyring) { s.keys.Store(k) }

// Stats returns how many signatures were asked for, and how many were made.
func (s *Signer) Stats() (asked, made int64) { return s.cache.asked.Load(), s.cache.made.Load() }

// Types are the types that a name has, and whether there is such a name.
type Types func(name string) (types []uint16, exists bool)

// compactOK is the flag of an OPT record's TTL by which an asker says that it
// understands NXDOMAIN beside a compact denial (RFC 9824 §5.1).
const compactOK = 0x4000

// Own answers the questions that only the signer can: the keys at the apex, and
// NSEC and RRSIG anywhere. It reports whether it did.
func (s *Signer) Own(m *dns.Msg, types Types) bool {
	q := m.Question[0]
	name := dns.CanonicalName(q.Name)
	now, keys := s.now(), s.keys.Load()
	var rrs []dns.RR
	switch {
	case q.Qtype == dns.TypeNXNAME:
		m.Rcode, m.Answer, m.Ns, m.Extra = dns.RcodeFormatError, nil, nil, nil // RFC 9824 §3.5
		return true
	case q.Qtype == dns.TypeNSEC:
		rrs = []dns.RR{s.nsec(q.Name, minimum(m), types)}
	case q.Qtype == dns.TypeRRSIG:
		nsec := s.nsec(q.Name, minimum(m), types)
		rrs, _ = s.sign([]dns.RR{nsec}, now)
	case name != s.origin:
		return false
	case q.Qtype == dns.TypeDNSKEY:
		rrs = keys.dnskeys(now)
	case q.Qtype == dns.TypeCDS, q.Qtype == dns.TypeCDNSKEY:
		rrs = keys.children(q.Qtype, now)
	default:
		return false
	}
	for _, rr := range rrs {
		rr.Header().Name = q.Name
	}
	m.Rcode, m.Answer, m.Ns, m.Extra = dns.RcodeSuccess, rrs, nil, nil
	return true
}

// Sign adds to an authoritative answer what a validator needs (RFC 4035 §3.1):
// signatures, and for what is not there the NSEC that says so. The message is
// changed, its records are not. An error leaves it unsigned, and is trouble of
// this server: SERVFAIL.
func (s *Signer) Sign(m *dns.Msg, types Types, opt *dns.OPT) error {
	now := s.now()
	cut := referral(m, s.origin)
	switch {
	case cut != "" && holdsDS(m.Ns):
	case cut != "":
		m.Ns = append(slices.Clip(m.Ns), &dns.NSEC{Hdr: header(cut, dns.TypeNSEC, minimum(m)), NextDomain: next(cut),
			TypeBitMap: []uint16{dns.TypeNS, dns.TypeRRSIG, dns.TypeNSEC}})
	case len(m.Answer) == 0 && (m.Rcode == dns.RcodeSuccess || m.Rcode == dns.RcodeNameError):
		m.Ns = append(slices.Clip(m.Ns), s.nsec(m.Question[0].Name, minimum(m), types))
		if m.Rcode == dns.RcodeNameError && (opt == nil || opt.Hdr.Ttl&compactOK == 0) {
			m.Rcode = dns.RcodeSuccess // RFC 9824 §3.1: the NXNAME type says it
		}
	}
	for _, section := range []*[]dns.RR{&m.Answer, &m.Ns, &m.Extra} {
		signed, err := s.section(*section, cut, now)
		if err != nil {
			return err
		}
		*section = signed
	}
	return nil
}

// section returns the records with the signatures of each RRset behind it; of
// a referral to a cut, the addresses are glue (RFC 4035 §2.2).
func (s *Signer) section(rrs []dns.RR, cut string, now time.Time) ([]dns.RR, error) {
	var out []dns.RR
	for len(rrs) > 0 {
		set := rrset(rrs)
		rest := rrs[len(set):]
		out = append(out, set...)
		if s.ours(set[0].Header(), cut != "") {
			sigs, err := s.sign(set, now)
			if err != nil {
				return nil, err
			}
			out = append(out, sigs...)
		}
		rrs = rest
	}
	return out, nil
}

// rrset returns the records at the front that are one RRset. Records of one
// stand together in every section of ours.
func rrset(rrs []dns.RR) []dns.RR {
	h, n := rrs[0].Header(), 1
	for n < len(rrs) && rrs[n].Header().Rrtype == h.Rrtype && strings.EqualFold(rrs[n].Header().Name, h.Name) {
		n++
	}
	return rrs[:n:n]
}

// ours reports whether an RRset is one that the zone is authoritative for: not
// OPT or TSIG, not a signature, not the NS of a delegation, nor its glue.
func (s *Signer) ours(h *dns.RR_Header, glue bool) bool {
	name := dns.CanonicalName(h.Name)
	switch h.Rrtype {
	case dns.TypeOPT, dns.TypeTSIG, dns.TypeRRSIG:
		return false
	case dns.TypeNS:
		return name == s.origin
	case dns.TypeA, dns.TypeAAAA:
		return !glue && dns.IsSubDomain(s.origin, name)
	}
	return dns.IsSubDomain(s.origin, name)
}

// referral returns the cut that the answer refers below, "" if it does not.
func referral(m *dns.Msg, origin string) string {
	for _, rr := range m.Ns {
		if h := rr.Header(); h.Rrtype == dns.TypeNS && dns.CanonicalName(h.Name) != origin {
			return h.Name
		}
	}
	return ""
}

func holdsDS(rrs []dns.RR) bool {
	return slices.ContainsFunc(rrs, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeDS })
}

// sign returns the signatures of an RRset, one for each key that signs it.
func (s *Signer) sign(set []dns.RR, now time.Time) ([]dns.RR, error) {
	typ := set[0].Header().Rrtype
	keys := s.keys.Load().signers(typ, now)
	if len(keys) == 0 {
		return nil, errors.New("no DNSSEC key is active")
	}
	out := make([]dns.RR, 0, len(keys))
	for _, k := range keys {
		sig, err := s.cache.signature(set, k, now)
		if err != nil {
			return nil, fmt.Errorf("sign %s: %w", dns.Type(typ), err)
		}
		sig.Hdr.Name = set[0].Header().Name
		out = append(out, sig)
	}
	return out, nil
}
