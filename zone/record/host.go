package record

import (
	"net/netip"
	"strings"

	"github.com/miekg/dns"
)

// NAPTROrder is the ORDER of every NAPTR: PREFERENCE ranks (RFC 3403 §4.1).
const NAPTROrder = 100

// SRVServices are the SRV owner labels that a node's services stand under (RFC 2782),
// with the NAPTR service field of RFC 3263 §4.1.
var SRVServices = []struct{ Label, Proto, NAPTR string }{
	{"_sip._udp", "udp", "SIP+D2U"},
	{"_sip._tcp", "tcp", "SIP+D2T"},
	{"_sips._tcp", "tls", "SIPS+D2T"},
}

// IAXLabel is that of IAX2.
const IAXLabel = "_iax._udp"

// Host is the records of one node, made once whenever it changes. The RRs are
// shared: copy one to give it another owner.
type Host struct {
	Name  string              // of its addresses
	Zone  string              // of the federation, without the last dot
	Addrs map[uint16][]dns.RR // A, AAAA
	SRV   map[string]*dns.SRV // label → record with owner and priority unset
	NAPTR []dns.RR            // D2x of the host itself
	TXT   dns.RR
	SIP   bool // publishes E2U+sip and E2U+pjsip
	IAX   bool

	horizons []hostHorizon // the longest network first
}

// hostHorizon are what clients of one network get instead.
type hostHorizon struct {
	net  netip.Prefix
	host *Host
}

// For returns the records as a client gets them. h may be nil.
func (h *Host) For(c Client) *Host {
	if h != nil {
		for i := range h.horizons {
			if c.within(h.horizons[i].net) {
				return h.horizons[i].host
			}
		}
	}
	return h
}

// NewHost returns the records of a node in the federation zone origin.
func NewHost(n Node, origin string, ttl uint32) *Host {
	host := NodeName(n.Name, origin)
	h := &Host{Name: host, Zone: strings.TrimSuffix(origin, "."), Addrs: map[uint16][]dns.RR{}, SRV: map[string]*dns.SRV{}, IAX: n.IAX != 0}
	hdr := func(t uint16) dns.RR_Header {
		return dns.RR_Header{Name: host, Rrtype: t, Class: dns.ClassINET, Ttl: ttl}
	}
	for _, a := range n.Addrs {
		if a.Is4() {
			h.Addrs[dns.TypeA] = append(h.Addrs[dns.TypeA], &dns.A{Hdr: hdr(dns.TypeA), A: a.AsSlice()})
		} else {
			h.Addrs[dns.TypeAAAA] = append(h.Addrs[dns.TypeAAAA], &dns.AAAA{Hdr: hdr(dns.TypeAAAA), AAAA: a.AsSlice()})
		}
	}
	srv := func(port uint16) *dns.SRV {
		return &dns.SRV{Hdr: hdr(dns.TypeSRV), Priority: 10, Weight: 10, Port: port, Target: host}
	}
	for i, s := range SRVServices {
		for _, t := range n.SIP {
			if t.Proto != s.Proto || h.SRV[s.Label] != nil {
				continue
			}
			h.SIP = true
			h.SRV[s.Label] = srv(t.Port)
			rr := NAPTRD2(host, s.NAPTR, s.Label+"."+host, uint16(10*(i+1)), ttl)
			h.NAPTR = append(h.NAPTR, &rr)
		}
	}
	if n.IAX != 0 {
		h.SRV[IAXLabel] = srv(n.IAX)
	}
	h.TXT = &dns.TXT{Hdr: hdr(dns.TypeTXT), Txt: nodeTXT(n)}
	for _, f := range n.Horizons {
		h.horizons = append(h.horizons, hostHorizon{f.Net, NewHost(n.For(Client{Net: f.Net}), origin, ttl)})
	}
	return h
}

// nodeTXT is what a person reads at a node's name.
func nodeTXT(n Node) []string {
	out := []string{"node=" + n.Name, "state=" + string(n.State)}
	if n.Asterisk != "" {
		out = append(out, "asterisk="+n.Asterisk)
	}
	if n.Region != "" {
		out = append(out, "region="+n.Region)
	}
	return out
}

// NAPTRD2 returns a NAPTR that leads from a domain to its SRV (RFC 3263 §4.1).
func NAPTRD2(owner, service, replacement string, pref uint16, ttl uint32) dns.NAPTR {
	return dns.NAPTR{
		Hdr:   dns.RR_Header{Name: owner, Rrtype: dns.TypeNAPTR, Class: dns.ClassINET, Ttl: ttl},
		Order: NAPTROrder, Preference: pref, Flags: "s", Service: service, Replacement: replacement,
	}
}
