package answer

import (
	"cmp"
	"slices"

	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
)

// maxNS bounds the NS RRset: a few stable name servers, not every node.
const maxNS = 8

// apex answers at the origin itself.
func (q query) apex() Result {
	v := q.v
	switch q.qtype {
	case dns.TypeSOA:
		return q.data(v.soa(q.room.takeSOA()))
	case dns.TypeNS:
		return q.ns()
	case dns.TypeNAPTR:
		return q.data(q.apexNAPTR()...)
	}
	return q.nodata()
}

// ns are the name servers: live nodes in the order of their names, so that
// the set is the same on every node that reaches them all.
func (q query) ns() Result {
	res := Result{Answer: q.room.list(answerSection), Extra: q.room.list(additionalSection)}
	for _, h := range q.v.Homes() {
		r := h.For(q.client)
		if r == nil || h.Reach() != view.Alive || len(res.Answer) == maxNS {
			continue
		}
		ns := q.room.takeNS()
		ns.Hdr, ns.Ns = q.header(dns.TypeNS), r.Name
		res.Answer = append(res.Answer, ns)
		res.Extra = glueOf(r, res.Extra)
	}
	if len(res.Answer) == 0 {
		return q.nodata()
	}
	return res
}

// apexNAPTR leads to the cluster-wide SRV records of every service that any
// node offers (RFC 3263 §4.1).
func (q query) apexNAPTR() []dns.RR {
	out := q.room.list(answerSection)
	for i, s := range record.SRVServices {
		if len(q.v.offering(q.room, q.client, s.Label)) > 0 {
			rr := q.room.takeNAPTR()
			*rr = record.NAPTRD2(q.v.origin, s.NAPTR, q.room.join(s.Label, ".", q.v.origin), preference(i), q.v.ttl)
			out = append(out, rr)
		}
	}
	return out
}

// apexService answers _sip._udp, _iax._udp and so on at the apex: every node
// that takes registrations, nearest first.
func (q query) apexService(head, rel string) Result {
	if head == "" {
		return q.exists(slices.ContainsFunc(q.v.Homes(), func(h *view.Home) bool {
			r := h.For(q.client)
			return r != nil && h.Visible() && speaks(r, rel)
		}))
	}
	return q.services(rel, q.v.offering(q.room, q.client, rel))
}

// offering returns the nodes that take registrations by a service, nearest
// first; nodes at the same distance have the same preference and take turns.
// Nodes that drain are not among them, unless there is no other.
func (v *Zone) offering(s *scratch, a record.Client, label string) []ranked {
	out, draining := s.rank(len(v.Homes())), []ranked(nil)
	for _, h := range v.Homes() {
		if r := h.For(a); r == nil || r.SRV[label] == nil || !h.Visible() {
			continue
		}
		if h.Draining() {
			draining = append(draining, ranked{home: h})
		} else {
			out = append(out, ranked{home: h})
		}
	}
	if len(out) == 0 {
		out = draining
	}
	r := ranking{v: v, criteria: []Criterion{Health, Distance}, near: true}
	near := func(h *view.Home) place { return r.place(view.Claim{Home: h}) }
	slices.SortStableFunc(out, func(a, b ranked) int { return cmp.Compare(near(a.home), near(b.home)) })
	for i := 0; i < len(out); {
		n := i + 1
		for n < len(out) && near(out[n].home) == near(out[i].home) {
			n++
		}
		k := i + int(v.turn.Add(1))%(n-i)
		turn(out[i:n], k-i)
		for j := i; j < n; j++ {
			out[j].pref = preference(i)
		}
		i = n
	}
	return out
}
