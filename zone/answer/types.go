package answer

import (
	"github.com/asterfed/asterfed/zone/record"
	"github.com/miekg/dns"
)

// types are all that any name of the zone has.
var types = []uint16{dns.TypeA, dns.TypeNS, dns.TypeSOA, dns.TypeTXT, dns.TypeAAAA, dns.TypeSRV, dns.TypeNAPTR}

// Types returns the types that exist for a client at qname (lower-case FQDN at
// or below the origin), in ascending order, and whether the name exists.
func (v *Zone) Types(a record.Client, qname string) (out []uint16, exists bool) {
	for _, t := range types {
		res := v.LookupFor(a, qname, t)
		exists = res.Rcode == dns.RcodeSuccess
		if res.Referral { // at the cut, what the parent has; below it is not for us to say
			out = []uint16{dns.TypeNS}
			if len(res.DS) > 0 {
				out = append(out, dns.TypeDS)
			}
			return out, true
		}
		if len(res.Answer) > 0 {
			out = append(out, t)
		}
	}
	return out, exists
}
