package zone

import (
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// service splits "_sip._udp.NAME" into the SRV labels (RFC 2782) and NAME.
// "_udp.NAME", which has no data of its own, gives NAME and the proto.
func service(rel string) (label, rest, proto string) {
	if rel == "" || rel[0] != '_' {
		return "", rel, ""
	}
	for _, s := range []string{"_sip._udp", "_sip._tcp", "_sips._tcp", iaxLabel} {
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
func (r *nodeRecords) speaks(proto string) bool {
	for label := range r.srv {
		if strings.HasSuffix(label, proto) {
			return true
		}
	}
	return false
}

// spoken reports whether any home has a service over "_udp" or "_tcp".
func (q query) spoken(proto string, claims []claim) bool {
	return slices.ContainsFunc(claims, func(c claim) bool { return c.home.toward(q.asker).speaks(proto) })
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
		rec := r.home.toward(q.asker)
		rr := rec.srvAt(q.room, label, q.qname, r.pref, r.capacity)
		if rr == nil {
			continue
		}
		if size += q.sent(rr); (size > maxAnswer || len(res.Answer) == maxRecords) && len(res.Answer) > 0 {
			q.v.trim(q.qname)
			break
		}
		res.Answer = append(res.Answer, rr)
		res.Extra = rec.glue(res.Extra)
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

// glue appends the node's addresses (RFC 2782, additional data).
func (r *nodeRecords) glue(out []dns.RR) []dns.RR {
	return append(append(out, r.addrs[dns.TypeA]...), r.addrs[dns.TypeAAAA]...)
}
