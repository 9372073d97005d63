package answer

import (
	"cmp"
	"slices"
	"strings"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
)

// claims returns the visible claims of a folded AOR, newest first.
func (v *Zone) claims(key string) []view.Claim {
	return view.Visible(v.Named(key))
}

// ranked is a home's best claim on a name and the preference it gets.
type ranked struct {
	home  *view.Home
	uri   uri
	place place
	cost  uint16
	// behind says that it stands behind all that are in good health.
	behind bool
	pref   uint16
	// capacity is the claim's share among equals, zero where it has none.
	capacity uint16
}

// uri is what a claim leads to at its home: the user part of the URI, empty for
// what was dialled, and the trunk that the call leaves by, empty for none.
type uri struct{ user, via location.AOR }

// uriOf returns where calls go that the binding answers for.
func uriOf(c view.Claim) uri {
	if c.Binding.Kind.Registered() {
		return uri{c.Binding.AOR, ""}
	}
	d := c.Binding.Info.Details()
	switch {
	case d.Target != "":
		return uri{d.Target, d.Via}
	case c.Binding.Kind.Dialled():
		return uri{"", d.Via}
	}
	return uri{c.Binding.AOR, ""}
}

// isQueue reports whether the claim is that of a queue.
func isQueue(c view.Claim) bool { return c.Binding.Kind == location.Queue }

// isRoute reports whether the claim leads out of the federation.
func isRoute(c view.Claim) bool { return c.Binding.Kind.Route() || c.Binding.Info.Details().Via != "" }

// rank orders homes, one entry for each of them and each URI, best first: by
// place, then as the claims come, newest first. Ways out (blocks of numbers,
// trunks, providers) are placed by distance whatever the order of users: who
// published one last does not matter. What is equal then takes turns; so it is
// with queues. Rooms in use and parked calls stand as they come.
func (v *Zone) rank(s *scratch, claims []view.Claim) []ranked {
	out := s.rank(len(claims))
	r := v.ranking(claims)
	for _, c := range claims {
		u := uriOf(c)
		d := c.Binding.Info.Details()
		at := ranked{home: c.Home, uri: u, place: r.place(c), cost: d.Cost, behind: r.behind(c), capacity: d.Capacity}
		i := slices.IndexFunc(out, func(r ranked) bool { return r.home == c.Home && r.uri == u })
		if i < 0 {
			out = append(out, at)
		} else {
			if at.place < out[i].place {
				out[i].place, out[i].behind = at.place, at.behind
			}
			out[i].cost = min(out[i].cost, at.cost)
			out[i].capacity = max(out[i].capacity, at.capacity)
		}
	}
	if len(out) > 1 {
		slices.SortStableFunc(out, func(a, b ranked) int { return cmp.Compare(a.place, b.place) })
		if r.even {
			v.rotate(out)
		}
	}
	for i := range out {
		out[i].pref = preference(i)
		if r.even && i > 0 && out[i].place == out[i-1].place {
			out[i].pref = out[i-1].pref
		}
	}
	return out
}

// last reports whether the home ranks behind all that do not.
func (r ranked) last() bool { return r.behind }

// rotate turns the homes of the first group, since older SRV code always
// takes the first of equals.
func (v *Zone) rotate(out []ranked) {
	n := 1
	for n < len(out) && out[n].place == out[0].place {
		n++
	}
	turn(out[:n], int(v.turn.Add(1))%n)
}

// turn brings the home at k to the front, and those before it to the end.
func turn(homes []ranked, k int) {
	slices.Reverse(homes[:k])
	slices.Reverse(homes[k:])
	slices.Reverse(homes)
}

// maxAnswer bounds the records of an answer, in octets as they are sent: Asterisk
// reads answers into 4096 and takes a larger one for none. Beside them stand the
// header, the question, and an OPT: 12, at most 259, and some 40 octets.
const maxAnswer = 3600

// sent returns how many octets a record of the answer section takes: its owner
// is that of the question, and compressed (RFC 1035 §4.1.4).
func (q query) sent(rr dns.RR) int {
	const pointer = 2
	if txt, ok := rr.(*dns.TXT); ok { // dns.Len counts an escape as its characters
		n := pointer + 10
		for _, s := range txt.Txt {
			n += 1 + record.TextLen(s)
		}
		return n
	}
	return dns.Len(rr) - len(q.qname) - 1 + pointer
}

// naptrs are the ENUM records of a name, best home first. Homes that would
// make the answer too large for Asterisk are left out, the last ones first.
func (q query) naptrs(claims []view.Claim) []dns.RR {
	v := q.v
	homes := v.rank(q.room, claims)
	out, n, whole := q.fitting(homes)
	if n < len(homes) || !whole {
		v.trim(q.qname)
	}
	return out
}

// fitting returns the records of as many homes as can be answered, and the
// number of these homes: the first always is. It is not whole if one of them
// lacks a record.
func (q query) fitting(homes []ranked) (out []dns.RR, fit int, whole bool) {
	const each = 3 // records of a node
	out, whole = slices.Grow(q.room.list(answerSection), each), true
	size := 0
	for i, r := range homes {
		n, all := len(out), false
		if out, all = naptrE2U(r.home.For(q.client), q.room, out, q.qname, r.uri, r.pref, q.v.ttl); !all {
			whole = false
		}
		if len(homes) == 1 {
			break
		}
		for _, rr := range out[n:] {
			size += q.sent(rr)
		}
		if (size > maxAnswer || len(out) > record.MaxRRset) && n > 0 {
			return out[:n], i, whole
		}
	}
	return out, len(homes), whole
}

// fit leaves out the last records of an RRset that is too large to be answered.
func (q query) fit(rrs []dns.RR) []dns.RR {
	size := 0
	for i, rr := range rrs {
		if size += q.sent(rr); (size > maxAnswer || i >= record.MaxRRset) && i > 0 {
			q.v.trim(q.qname)
			return rrs[:i]
		}
	}
	return rrs
}

// trim notes that an answer left out what ranked last.
func (v *Zone) trim(owner string) {
	v.trimmed.Add(1)
	if v.onTrimmed != nil {
		v.onTrimmed(strings.Clone(owner))
	}
}

// Trimmed returns how many answers left records out for their size.
func (v *Zone) Trimmed() int64 { return v.trimmed.Load() }
