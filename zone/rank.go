package zone

import (
	"slices"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/miekg/dns"
)

// claims returns the visible claims of a folded AOR, newest first.
func (v *View) claims(key string) []claim {
	all := v.names.load(key).claims()
	for i := range all {
		if !all[i].home.Visible() {
			return slices.DeleteFunc(slices.Clone(all), func(c claim) bool { return !c.home.Visible() })
		}
	}
	return all
}

func merge(a, b []claim) []claim {
	out := append(slices.Clone(a), b...)
	slices.SortFunc(out, func(x, y claim) int {
		if before(x, y) {
			return -1
		}
		return 1
	})
	return out
}

// ranked is a home's best claim on a name and the preference it gets.
type ranked struct {
	home *Home
	aor  location.AOR
	pref uint16
}

// rank orders homes, one entry each, best first, by the view's policy. A node
// that is draining, or whose federator is silent, ranks behind the others.
func (v *View) rank(claims []claim) []ranked {
	out := make([]ranked, 0, len(claims))
	for _, c := range claims {
		if !slices.ContainsFunc(out, func(r ranked) bool { return r.home == c.home }) {
			out = append(out, ranked{home: c.home, aor: c.b.AOR})
		}
	}
	if len(out) > 1 {
		slices.SortStableFunc(out, func(a, b ranked) int { return v.group(a.home) - v.group(b.home) })
		if v.order == All {
			v.rotate(out)
		}
	}
	for i := range out {
		out[i].pref = preference(i)
		if v.order == All && i > 0 && v.group(out[i].home) == v.group(out[i-1].home) {
			out[i].pref = out[i-1].pref
		}
	}
	return out
}

// group ranks a home before all else that the policy looks at.
func (v *View) group(h *Home) int {
	g := 0
	if v.order == Nearest {
		g = v.band(h)
	}
	if h.last() {
		g += 1 << 20
	}
	return g
}

// band is a home's distance in steps of 10 ms; this node's own is nearest of
// all, an unknown one farthest.
func (v *View) band(h *Home) int {
	if h.Name == v.self {
		return 0
	}
	d, ok := h.Distance()
	if !ok || d > 10*time.Second {
		return 1 << 16
	}
	return 1 + int(d/(10*time.Millisecond))
}

// rotate turns the homes of the first group, since older SRV code always
// takes the first of equals.
func (v *View) rotate(out []ranked) {
	n := 1
	for n < len(out) && v.group(out[n].home) == v.group(out[0].home) {
		n++
	}
	k := int(v.turn.Add(1)) % n
	head := slices.Concat(out[k:n], out[:k])
	copy(out, head)
}

// maxENUM bounds the ENUM records of a name, in octets: Asterisk reads answers
// into 4096 and takes a larger one for none.
const maxENUM = 3600

// naptrs are the ENUM records of a name, best home first. Homes that would
// make the answer too large for Asterisk are left out, the last ones first.
func (v *View) naptrs(owner string, claims []claim) []dns.RR {
	var out []dns.RR
	size := 0
	for _, r := range v.rank(claims) {
		n := len(out)
		out = r.home.records.Load().naptrE2U(out, owner, string(r.aor), r.pref, v.ttl)
		for _, rr := range out[n:] {
			size += dns.Len(rr) - len(owner) // owners are compressed
		}
		if size > maxENUM && n > 0 {
			v.trimmed.Add(1)
			return out[:n]
		}
	}
	return out
}

// Trimmed returns how many answers left homes out for their size.
func (v *View) Trimmed() int64 { return v.trimmed.Load() }

// services are the SRV records of a name towards its homes.
func (q query) services(label string, homes []ranked) Result {
	var res Result
	for _, r := range homes {
		rec := r.home.records.Load()
		rr := rec.srvAt(label, q.qname, r.pref)
		if rr == nil {
			continue
		}
		res.Answer = append(res.Answer, rr)
		res.Extra = rec.glue(res.Extra)
	}
	switch {
	case len(res.Answer) == 0:
		return q.nxdomain()
	case !q.wants(dns.TypeSRV):
		return q.nodata()
	}
	return res
}

// glue appends the node's addresses (RFC 2782, additional data).
func (r *nodeRecords) glue(out []dns.RR) []dns.RR {
	return append(append(out, r.addrs[dns.TypeA]...), r.addrs[dns.TypeAAAA]...)
}
