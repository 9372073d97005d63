package answer

import (
	"slices"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
)

// maxOf is how often one name may stand in the place of another.
const maxOf = 4

// resolve returns the claims that a name is answered with: those of whoever it
// stands in the place of instead of its own, and what a directory has for a
// user who is registered nowhere only if he is. Nearly all claims are their own
// answer, and come back as they are.
func (v *Zone) resolve(claims []view.Claim) []view.Claim {
	for i := range claims {
		if claims[i].Binding.Info != (location.Info{}) || !claims[i].Binding.Kind.Claims() {
			main, fallback := v.split(claims, 0)
			if there := live(main); len(there) > 0 {
				return there
			}
			if len(main) > 0 {
				return main
			}
			return fallback
		}
	}
	return claims
}

// live returns the claims of services that nodes have now, the oldest in front:
// whoever comes to a room joins those who are there, on whatever node he is and
// whoever else has begun one meanwhile, and of calls that are parked under one
// number the one that has waited longest is answered. Where a name is that of
// several kinds, calls and rooms go before queues.
func live(claims []view.Claim) []view.Claim {
	var out []view.Claim
	for _, queue := range []bool{false, true} {
		for _, c := range slices.Backward(claims) {
			if c.Binding.Kind.Live() && (c.Binding.Kind == location.Queue) == queue {
				out = append(out, c)
			}
		}
		if len(out) > 0 {
			break
		}
	}
	return out
}

// split returns the claims that calls go to, and those they go to if there is
// none of the former.
func (v *Zone) split(claims []view.Claim, depth int) (main, fallback []view.Claim) {
	for _, c := range claims {
		d := c.Binding.Info.Details()
		var m, f []view.Claim
		switch entry := c.Binding.Kind == location.Entry; {
		case d.Of != "" && depth < maxOf:
			m, f = v.split(v.standingFor(d.Of), depth+1)
			if entry && len(m) > 0 {
				m, f = nil, m
			}
		case d.Of != "": // a circle
		case !entry:
			m = []view.Claim{c}
		case d.Target != "":
			f = []view.Claim{c}
		}
		if c.Binding.Kind == location.Queue && d.Cost >= location.QueueEmpty {
			m, f = nil, m
		}
		main, fallback = v.Merge(main, m), v.Merge(fallback, f)
	}
	return main, fallback
}

// standingFor returns the visible claims of a user, or else of a number; a block
// that covers the number is called with it.
func (v *Zone) standingFor(a location.AOR) []view.Claim {
	if claims := v.claims(a.Fold()); len(claims) > 0 {
		return claims
	}
	digits, ok := a.Number()
	if !ok {
		return nil
	}
	if claims := v.numbered(nil, digits); len(claims) > 0 {
		return claims
	}
	return addressed(v.covering(nil, number{digits: digits}), a)
}

// displayNames are the TXT records of a name: the caller's name, for
// TXTCIDNAME, as each home has it. A name that has none of its own has those
// of whoever it stands for.
func (q query) displayNames(claims []view.Claim) []dns.RR {
	out := q.room.list(answerSection)
	add := func(name string) {
		if name == "" || len(out) > record.MaxRRset { // one more says that some are left out
			return
		}
		text := record.Escape(name)
		same := func(rr dns.RR) bool { return rr.(*dns.TXT).Txt[0] == text }
		if !slices.ContainsFunc(out, same) { // an RRset is a set (RFC 2181 §5)
			out = append(out, q.room.takeTXT(q.header(dns.TypeTXT), text))
		}
	}
	for _, c := range claims {
		add(c.Binding.Info.Details().Name)
	}
	for _, c := range claims {
		if of := c.Binding.Info.Details().Of; len(out) == 0 && of != "" && c.Binding.Kind != location.Entry {
			for _, o := range q.v.standingFor(of) {
				if o.Binding.Info.Details().Of == "" || o.Binding.Kind == location.Entry {
					add(o.Binding.Info.Details().Name)
				}
			}
		}
	}
	return out
}
