package answer

import (
	"slices"
	"strings"

	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
)

// service splits "_sip._udp.NAME" into the SRV labels (RFC 2782) and NAME.
// "_udp.NAME", which has no data of its own, gives NAME and the proto.
func service(rel string) (label, rest, proto string) {
	if rel == "" || rel[0] != '_' {
		return "", rel, ""
	}
	for _, s := range []string{"_sip._udp", "_sip._tcp", "_sips._tcp", record.IAXLabel} {
		if after, ok := strings.CutPrefix(rel, s+"."); ok {
			return s, after, ""
		}
	}
	for _, s := range []string{"_udp", "_tcp"} {
		if after, ok := strings.CutPrefix(rel, s+"."); ok {
			return "", after, s
		}
	}
	return "", rel, ""
}

// speaks reports whether the node has a service over "_udp" or "_tcp".
func speaks(r *record.Host, proto string) bool {
	for label := range r.SRV {
		if strings.HasSuffix(label, proto) {
			return true
		}
	}
	return false
}

// spoken reports whether any home has a service over "_udp" or "_tcp".
func (q query) spoken(proto string, claims []view.Claim) bool {
	return slices.ContainsFunc(claims, func(c view.Claim) bool { return speaks(c.Home.For(q.client), proto) })
}

// services are the SRV records of a name towards its homes, one for each, best
// home first, as many as can be answered.
func (q query) services(label string, homes []ranked) Result {
	res := Result{Answer: q.room.list(answerSection), Extra: q.room.list(additionalSection)}
	size := 0
	for i, r := range homes {
		if slices.ContainsFunc(homes[:i], func(o ranked) bool { return o.home == r.home }) {
			continue
		}
		rec := r.home.For(q.client)
		rr := srvAt(rec, q.room, label, q.qname, r.pref, r.capacity)
		if rr == nil {
			continue
		}
		if size += q.sent(rr); (size > maxAnswer || len(res.Answer) == record.MaxRRset) && len(res.Answer) > 0 {
			q.v.trim(q.qname)
			break
		}
		res.Answer = append(res.Answer, rr)
		res.Extra = glueOf(rec, res.Extra)
	}
	res.Extra = some(res.Extra, maxAnswer-size)
	switch {
	case len(res.Answer) == 0:
		return q.nxdomain()
	case !q.wants(dns.TypeSRV):
		return q.nodata()
	}
	return res
}

// some returns the addresses of as many nodes as take room octets together:
// who does not find one asks for it.
func some(glue []dns.RR, room int) []dns.RR {
	size, host := 0, 0 // the first record of the node at hand
	for i, rr := range glue {
		if rr.Header().Name != glue[host].Header().Name {
			host = i
		}
		if size += dns.Len(rr); size > room {
			return glue[:host]
		}
	}
	return glue
}

// glueOf appends the node's addresses (RFC 2782, additional data).
func glueOf(r *record.Host, out []dns.RR) []dns.RR {
	return append(append(out, r.Addrs[dns.TypeA]...), r.Addrs[dns.TypeAAAA]...)
}
