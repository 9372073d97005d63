package zone

import (
	"cmp"
	"slices"

	"github.com/miekg/dns"
)

// maxNS bounds the NS RRset: a few stable name servers, not every node.
const maxNS = 8

// apex answers at the origin itself.
func (q query) apex() Result {
	v := q.v
	switch q.qtype {
	case dns.TypeSOA:
		return q.data(v.soa())
	case dns.TypeNS:
		return q.ns()
	case dns.TypeNAPTR:
		return q.data(v.apexNAPTR(q.asker)...)
	}
	return q.nodata()
}

// ns are the name servers: live nodes in the order of their names, so that
// the set is the same on every node that reaches them all.
func (q query) ns() Result {
	var res Result
	for _, h := range q.v.Homes() {
		r := h.toward(q.asker)
		if r == nil || h.Reach() != Alive || len(res.Answer) == maxNS {
			continue
		}
		res.Answer = append(res.Answer, &dns.NS{
			Hdr: dns.RR_Header{Name: q.qname, Rrtype: dns.TypeNS, Class: dns.ClassINET, Ttl: q.v.ttl}, Ns: r.host,
		})
		res.Extra = r.glue(res.Extra)
	}
	if len(res.Answer) == 0 {
		return q.nodata()
	}
	return res
}

// apexNAPTR leads to the cluster-wide SRV records of every service that any
// node offers (RFC 3263 §4.1).
func (v *View) apexNAPTR(a Asker) []dns.RR {
	var out []dns.RR
	for i, s := range srvServices {
		if len(v.offering(a, s.label)) > 0 {
			out = append(out, naptrD2(v.origin, s.naptr, s.label+"."+v.origin, preference(i), v.ttl))
		}
	}
	return out
}

// apexService answers _sip._udp, _iax._udp and so on at the apex: every node
// that takes registrations, nearest first.
func (q query) apexService(head, rel string) Result {
	if head == "" {
		return q.exists(slices.ContainsFunc(q.v.Homes(), func(h *Home) bool {
			r := h.toward(q.asker)
			return r != nil && h.Visible() && r.speaks(rel)
		}))
	}
	return q.services(rel, q.v.offering(q.asker, rel))
}

// offering returns the nodes that take registrations by a service, nearest
// first; nodes at the same distance have the same preference and take turns.
// Nodes that drain are not among them, unless there is no other.
func (v *View) offering(a Asker, label string) []ranked {
	var out, draining []ranked
	for _, h := range v.Homes() {
		if r := h.toward(a); r == nil || r.srv[label] == nil || !h.Visible() {
			continue
		}
		if h.draining() {
			draining = append(draining, ranked{home: h})
		} else {
			out = append(out, ranked{home: h})
		}
	}
	if len(out) == 0 {
		out = draining
	}
	r := ranking{v: v, criteria: []Criterion{Health, Distance}, near: true}
	near := func(h *Home) place { return r.place(claim{home: h}) }
	slices.SortStableFunc(out, func(a, b ranked) int { return cmp.Compare(near(a.home), near(b.home)) })
	for i := 0; i < len(out); {
		n := i + 1
		for n < len(out) && near(out[n].home) == near(out[i].home) {
			n++
		}
		k := i + int(v.turn.Add(1))%(n-i)
		copy(out[i:n], slices.Concat(out[k:n], out[i:k]))
		for j := i; j < n; j++ {
			out[j].pref = preference(i)
		}
		i = n
	}
	return out
}
