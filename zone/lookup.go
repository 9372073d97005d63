package zone

import (
	"strings"

	"github.com/miekg/dns"
)

// Result is an authoritative answer, ready for the sections of a message.
// NXDOMAIN and NODATA (RFC 2308 §2) carry the SOA in Ns. The records are the
// caller's own slices, but shared RRs: they must not be modified.
type Result struct {
	Rcode             int
	Answer, Ns, Extra []dns.RR
}

// Lookup answers the question qname (lower-case FQDN at or below the origin)
// and qtype. Before the view is settled, a name that is not known is SERVFAIL,
// so that an asker goes to its next server instead of taking "absent" for an
// answer. Safe for concurrent use; it waits for nothing.
func (v *View) Lookup(qname string, qtype uint16) Result {
	if qtype == dns.TypeANY {
		return v.lookupAny(qname)
	}
	rel := strings.TrimSuffix(strings.TrimSuffix(qname, v.origin), ".")
	q := query{v: v, qname: qname, qtype: qtype}
	if rel == "" {
		return q.apex()
	}
	head, top := cutLast(rel)
	switch top {
	case "_udp", "_tcp":
		return q.apexService(head, rel)
	case "nodes":
		return q.nodes(head)
	case "users":
		return q.users(head)
	case "e164":
		return q.e164(head)
	}
	// The home zones do not exist for whoever has no key for them.
	return q.nxdomain()
}

// lookupAny answers ANY with one RRset (RFC 8482 §4.1).
func (v *View) lookupAny(qname string) Result {
	var r Result
	for _, t := range []uint16{dns.TypeNAPTR, dns.TypeSRV, dns.TypeA, dns.TypeAAAA, dns.TypeTXT, dns.TypeSOA} {
		if r = v.Lookup(qname, t); len(r.Answer) > 0 {
			break
		}
	}
	return r
}

type query struct {
	v     *View
	qname string
	qtype uint16
}

// cutLast splits off the label nearest to the apex.
func cutLast(rel string) (head, label string) {
	if i := strings.LastIndexByte(rel, '.'); i >= 0 {
		return rel[:i], rel[i+1:]
	}
	return "", rel
}

// service splits "_sip._udp.NAME" into the SRV labels and NAME. The name is
// also given for "_udp.NAME", which exists without data of its own.
func service(rel string) (label, rest string, partial bool) {
	for _, s := range []string{"_sip._udp", "_sip._tcp", "_sips._tcp", iaxLabel} {
		if after, ok := strings.CutPrefix(rel, s+"."); ok {
			return s, after, false
		}
	}
	for _, s := range []string{"_udp.", "_tcp."} {
		if after, ok := strings.CutPrefix(rel, s); ok {
			return "", after, true
		}
	}
	return "", rel, false
}

func (q query) wants(t uint16) bool { return q.qtype == t }

func (q query) data(rrs ...dns.RR) Result {
	if len(rrs) == 0 {
		return q.nodata()
	}
	return Result{Answer: rrs}
}

// nodata: the name exists, the type does not (RFC 2308 §2.2).
func (q query) nodata() Result { return Result{Ns: []dns.RR{q.v.soa()}} }

// nxdomain: there is nothing at or below the name (RFC 2308 §2.1, RFC 8020).
func (q query) nxdomain() Result {
	if !q.v.Settled() {
		return Result{Rcode: dns.RcodeServerFailure}
	}
	return Result{Rcode: dns.RcodeNameError, Ns: []dns.RR{q.v.soa()}}
}

// exists is NODATA for a name that is there, NXDOMAIN otherwise.
func (q query) exists(ok bool) Result {
	if ok {
		return q.nodata()
	}
	return q.nxdomain()
}

// nodes answers below nodes.<origin>.
func (q query) nodes(rel string) Result {
	if rel == "" {
		return q.nodata()
	}
	label, node, partial := service(rel)
	h := q.v.Find(node)
	if h == nil {
		return q.nxdomain()
	}
	r := h.records.Load()
	if r == nil {
		return q.nxdomain()
	}
	switch {
	case partial:
		return q.nodata()
	case label != "":
		rr := r.srvAt(label, q.qname, 10)
		if rr == nil {
			return q.nxdomain()
		}
		if !q.wants(dns.TypeSRV) {
			return q.nodata()
		}
		return Result{Answer: []dns.RR{rr}, Extra: r.glue(nil)}
	}
	switch q.qtype {
	case dns.TypeA, dns.TypeAAAA:
		return q.data(r.addrs[q.qtype]...)
	case dns.TypeNAPTR:
		return q.data(r.naptr...)
	case dns.TypeTXT:
		return q.data(r.txt)
	}
	return q.nodata()
}

// users answers below users.<origin>: an AOR, its SRV owners, and the empty
// non-terminals above AORs of several labels.
func (q query) users(rel string) Result {
	if rel == "" {
		return q.nodata()
	}
	label, aor, partial := service(rel)
	claims := q.v.claims(aor)
	if len(claims) == 0 {
		return q.exists(label == "" && !partial && q.v.inhabited(q.v.labels, aor))
	}
	switch {
	case partial:
		return q.nodata()
	case label != "":
		return q.services(label, q.v.rank(claims))
	case q.wants(dns.TypeNAPTR):
		return q.data(q.v.naptrs(q.qname, claims)...)
	}
	return q.nodata()
}

// e164 answers below e164.<origin>: numbers, one digit a label, reversed
// (RFC 6116 §3.2), and every prefix of a number as an empty non-terminal.
func (q query) e164(rel string) Result {
	if rel == "" {
		return q.nodata()
	}
	digits := make([]byte, 0, 33)
	digits = append(digits, '+')
	for i := len(rel) - 1; i >= 0; i -= 2 {
		c := rel[i]
		if c < '0' || c > '9' || i > 0 && rel[i-1] != '.' || len(digits) > 32 {
			return q.nxdomain()
		}
		digits = append(digits, c)
	}
	if rel[0] == '.' {
		return q.nxdomain()
	}
	number := string(digits[1:])
	claims := q.v.claims(number)
	if plus := q.v.claims(string(digits)); len(claims) == 0 {
		claims = plus
	} else if len(plus) > 0 {
		claims = merge(claims, plus)
	}
	if len(claims) == 0 {
		return q.exists(q.v.inhabited(q.v.digits, number))
	}
	if q.wants(dns.TypeNAPTR) {
		return q.data(q.v.naptrs(q.qname, claims)...)
	}
	return q.nodata()
}
