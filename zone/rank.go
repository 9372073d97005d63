package zone

import (
	"slices"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/miekg/dns"
)

// claims returns the visible claims of a folded AOR, newest first.
func (v *View) claims(key string) []claim {
	return visible(v.names.load(key).claims())
}

func merge(a, b []claim) []claim {
	switch {
	case len(a) == 0:
		return b
	case len(b) == 0:
		return a
	}
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
	home  *Home
	uri   uri
	cost  uint16
	group int // before all that the policy looks at next
	pref  uint16
}

// uri is the user part of the URI that a claim leads to; the empty one is
// what was dialled.
type uri struct{ user location.AOR }

// uri returns where calls go that the binding answers for.
func (c claim) uri() uri {
	if c.b.Kind.Registered() {
		return uri{c.b.AOR}
	}
	if t := c.b.Info.Details().Target; t != "" {
		return uri{t}
	}
	if c.b.Kind.Dialled() {
		return uri{}
	}
	return uri{c.b.AOR}
}

func (c claim) cost() uint16 { return c.b.Info.Details().Cost }

// rank orders homes, one entry for each of them and each URI, best first: the
// lowest cost, then by the view's policy. A node that is draining, or whose
// federator is silent, ranks behind the others; the latter not behind an older
// registration, which the phone has left (docs/decisions/141). Ways out (blocks
// of numbers, trunks, providers) are ranked by distance whatever the policy: who
// published one last does not matter. What is equal then takes turns.
func (v *View) rank(claims []claim) []ranked {
	out := make([]ranked, 0, len(claims))
	near, even := v.order == Nearest, v.order == All
	if len(claims) > 0 && claims[0].b.Kind.Route() {
		near, even = true, true
	}
	for _, c := range claims {
		u := c.uri()
		i := slices.IndexFunc(out, func(r ranked) bool { return r.home == c.home && r.uri == u })
		if i < 0 {
			by := near || even || c.b.Stamp == 0 // anything but the time of a REGISTER
			out = append(out, ranked{home: c.home, uri: u, cost: c.cost(), group: v.group(c.home, near, by)})
		} else {
			out[i].cost = min(out[i].cost, c.cost())
		}
	}
	if len(out) > 1 {
		slices.SortStableFunc(out, compare)
		if even {
			v.rotate(out)
		}
	}
	for i := range out {
		out[i].pref = preference(i)
		if even && i > 0 && compare(out[i], out[i-1]) == 0 {
			out[i].pref = out[i-1].pref
		}
	}
	return out
}

// compare orders what is not equal by anything but the time of the claim.
func compare(a, b ranked) int {
	if a.cost != b.cost {
		return int(a.cost) - int(b.cost)
	}
	return a.group - b.group
}

// group ranks a home before all else that the policy looks at, an orphan last
// only where asked to.
func (v *View) group(h *Home, near, orphan bool) int {
	g := 0
	if near {
		g = v.band(h)
	}
	if h.draining() || orphan && h.Reach() == Orphan {
		g += lastGroup
	}
	return g
}

// lastGroup is beyond every band of distances.
const lastGroup = 1 << 20

// last reports whether the home ranks behind all that do not.
func (r ranked) last() bool { return r.group >= lastGroup }

// rotate turns the homes of the first group, since older SRV code always
// takes the first of equals.
func (v *View) rotate(out []ranked) {
	n := 1
	for n < len(out) && compare(out[n], out[0]) == 0 {
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
func (v *View) naptrs(a Asker, owner string, claims []claim) []dns.RR {
	homes := v.rank(claims)
	out, n := v.fitting(a, owner, homes)
	if n < len(homes) {
		v.trimmed.Add(1)
		if v.onTrimmed != nil {
			v.onTrimmed(owner)
		}
	}
	return out
}

// fitting returns the records of as many homes as Asterisk can read, and the
// number of these homes: the first always does.
func (v *View) fitting(a Asker, owner string, homes []ranked) (out []dns.RR, fit int) {
	size := 0
	for i, r := range homes {
		n := len(out)
		out = r.home.toward(a).naptrE2U(out, owner, r.uri, r.pref, v.ttl)
		for _, rr := range out[n:] {
			size += dns.Len(rr) - len(owner) // owners are compressed
		}
		if size > maxENUM && n > 0 {
			return out[:n], i
		}
	}
	return out, len(homes)
}

// Trimmed returns how many answers left homes out for their size.
func (v *View) Trimmed() int64 { return v.trimmed.Load() }
