package answer

import (
	"strings"

	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
)

// Result is an authoritative answer, ready for the sections of a message.
// NXDOMAIN and NODATA (RFC 2308 §2) carry the SOA in Ns. The records are the
// caller's own slices, but shared RRs: they must not be modified.
type Result struct {
	Rcode             int
	Answer, Ns, Extra []dns.RR
	// Referral: the name is below a delegation; Ns are its name servers, Extra
	// their addresses, and the answer is not authoritative. DS belongs into Ns
	// too where the client wants DNSSEC.
	Referral bool
	DS       []dns.RR
}

// Lookup answers the question qname (lower-case FQDN at or below the origin)
// and qtype. Before the view is settled, a name that is not known is SERVFAIL,
// so that a client goes to its next server instead of taking "absent" for an
// answer. The answer is the one for everybody. Safe for concurrent use; it
// waits for nothing.
func (v *Zone) Lookup(qname string, qtype uint16) Result {
	return v.LookupFor(record.Client{}, qname, qtype)
}

// LookupFor is Lookup for a client, with the addresses and ports by which nodes
// are reached from there.
func (v *Zone) LookupFor(a record.Client, qname string, qtype uint16) Result {
	if qtype == dns.TypeANY {
		return v.lookupAny(a, qname)
	}
	return query{v: v, client: a, qname: qname, qtype: qtype}.answer()
}

// answer answers the question.
func (q query) answer() Result {
	rel := unescaped(strings.TrimSuffix(strings.TrimSuffix(q.qname, q.v.origin), "."))
	if rel == "" {
		return q.apex()
	}
	head, top := record.CutLast(rel)
	switch top {
	case "_udp", "_tcp":
		return q.apexService(head, rel)
	case "nodes":
		return q.nodes(head)
	case "users":
		return q.users(head)
	case "e164":
		return q.e164(head)
	case record.TrunksTree, record.ProvidersTree, record.ServicesTree:
		return q.listed(top, head)
	case "isn":
		return q.isn(head)
	}
	// Without a key the home zones do not exist.
	return q.nxdomain()
}

// lookupAny answers ANY with one RRset (RFC 8482 §4.1).
func (v *Zone) lookupAny(a record.Client, qname string) Result {
	var r Result
	for _, t := range []uint16{dns.TypeNAPTR, dns.TypeSRV, dns.TypeA, dns.TypeAAAA, dns.TypeTXT, dns.TypeSOA} {
		if r = v.LookupFor(a, qname, t); len(r.Answer) > 0 {
			break
		}
	}
	return r
}

// unescaped puts one octet that stands in no name of ours in the place of each
// escape sequence (RFC 1035 §5.1), so that a dot is always the end of a label.
func unescaped(rel string) string {
	if strings.IndexByte(rel, '\\') < 0 {
		return rel
	}
	b := make([]byte, 0, len(rel))
	for i := 0; i < len(rel); i++ {
		if rel[i] != '\\' {
			b = append(b, rel[i])
			continue
		}
		b = append(b, '?')
		if i+3 < len(rel) && digit(rel[i+1]) {
			i += 2
		}
		i++
	}
	return string(b)
}

// query is one question on its way to an answer. It has a method for each kind of
// name, because all of them need the client, the type and the room for records.
type query struct {
	v      *Zone
	client record.Client
	qname  string
	qtype  uint16
	// transfer: the answer is for a copy of the zone, which has no names that
	// stand for others as they are dialled.
	transfer bool
	room     *scratch // nil where the answer is to last
}

func (q query) wants(t uint16) bool { return q.qtype == t }

// data answers with records, which may be shared.
func (q query) data(rrs ...dns.RR) Result {
	return q.made(append(q.room.list(answerSection), rrs...))
}

// made answers with a list that was made for this answer.
func (q query) made(rrs []dns.RR) Result {
	if len(rrs) == 0 {
		return q.nodata()
	}
	return Result{Answer: rrs}
}

// nodata: the name exists, the type does not (RFC 2308 §2.2).
func (q query) nodata() Result {
	return Result{Ns: append(q.room.list(authoritySection), q.v.soa(q.room.takeSOA()))}
}

// nxdomain: there is nothing at or below the name (RFC 2308 §2.1, RFC 8020).
func (q query) nxdomain() Result {
	if !q.v.Settled() {
		return Result{Rcode: dns.RcodeServerFailure}
	}
	r := q.nodata()
	r.Rcode = dns.RcodeNameError
	return r
}

// exists is NODATA for a name that is there, NXDOMAIN otherwise.
func (q query) exists(ok bool) Result {
	if ok {
		return q.nodata()
	}
	return q.nxdomain()
}

// container answers at a name that holds others: it is always there, also
// while nothing is beneath it.
func (q query) container(label string) Result {
	if !q.wants(dns.TypeTXT) {
		return q.nodata()
	}
	return q.data(q.room.takeTXT(q.header(dns.TypeTXT), label))
}

func (q query) header(t uint16) dns.RR_Header {
	return dns.RR_Header{Name: q.qname, Rrtype: t, Class: dns.ClassINET, Ttl: q.v.ttl}
}

// nodes answers below nodes.<origin>.
func (q query) nodes(rel string) Result {
	if rel == "" {
		return q.container("nodes")
	}
	label, node, proto := service(rel)
	h := q.v.Find(node)
	if h == nil {
		return q.nxdomain()
	}
	r := h.For(q.client)
	switch {
	case r == nil:
		return q.nxdomain()
	case proto != "":
		return q.exists(speaks(r, proto))
	case label != "":
		rr := srvAt(r, q.room, label, q.qname, 10, 0)
		if rr == nil {
			return q.nxdomain()
		}
		if !q.wants(dns.TypeSRV) {
			return q.nodata()
		}
		return Result{Answer: append(q.room.list(answerSection), rr), Extra: glueOf(r, q.room.list(additionalSection))}
	}
	switch q.qtype {
	case dns.TypeA, dns.TypeAAAA:
		return q.data(r.Addrs[q.qtype]...)
	case dns.TypeNAPTR:
		return q.data(r.NAPTR...)
	case dns.TypeTXT:
		return q.data(r.TXT)
	}
	return q.nodata()
}

// users answers below users.<origin>: an AOR, its SRV owners, and the empty
// non-terminals above AORs of several labels.
func (q query) users(rel string) Result {
	if rel == "" {
		return q.container("users")
	}
	label, aor, proto := service(rel)
	claims := q.v.claims(aor)
	if len(claims) == 0 {
		return q.exists(label == "" && proto == "" && q.v.AboveName(aor))
	}
	return q.named(label, proto, claims)
}

// listed answers below trunks, providers and services: names of one label.
func (q query) listed(tree, rel string) Result {
	if rel == "" {
		return q.container(tree)
	}
	label, name, proto := service(rel)
	claims := view.Visible(q.v.Keyed(view.Key(q.room.join(tree, view.TreeSign, name))))
	if len(claims) == 0 {
		return q.nxdomain()
	}
	return q.named(label, proto, claims)
}

// named answers at a name that claims stand at, and at its SRV owners.
func (q query) named(label, proto string, claims []view.Claim) Result {
	switch {
	case proto != "":
		return q.exists(q.spoken(proto, q.v.resolve(claims)))
	case label != "":
		return q.services(label, q.v.rank(q.room, q.v.resolve(claims)))
	}
	return q.called(claims)
}

// called answers at a name that calls can be made to.
func (q query) called(claims []view.Claim) Result {
	switch q.qtype {
	case dns.TypeNAPTR:
		return q.made(q.naptrs(q.v.resolve(claims)))
	case dns.TypeTXT:
		names := q.displayNames(claims)
		if len(names) == 0 && len(q.naptrs(q.v.resolve(claims))) == 0 {
			// Known, but leading nowhere: without a record a copy of the zone
			// would not have the name, and something else would answer there.
			names = append(names, q.room.takeTXT(q.header(dns.TypeTXT), ""))
		}
		return q.made(q.fit(names))
	}
	return q.nodata()
}
