package outbound

import (
	"slices"
	"strings"
	"testing"

	"github.com/asterfed/asterfed/zone/stream"
	"github.com/miekg/dns"
)

const origin = "fed.example."

// copyOf is a zone as a secondary holds it, by the text of its records.
type copyOf map[string]dns.RR

// pull transfers the zone as a secondary would that holds c with the SOA, nil
// for nothing. A delta must fit what it holds exactly.
func (c copyOf) pull(t *testing.T, z *Zone, soa *dns.SOA) (Kind, copyOf, *dns.SOA) {
	t.Helper()
	var all []dns.RR
	kind, err := z.Transfer(soa, stream.NewSections(origin, 5, func(rrs []dns.RR) error {
		all = append(all, rrs...)
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	now := all[0].(*dns.SOA)
	switch kind {
	case Level:
		if len(all) != 1 {
			t.Fatalf("%d records for who is level", len(all))
		}
		return kind, c, now
	case Full:
		c = copyOf{}
		for _, rr := range all[1 : len(all)-1] {
			c.add(t, rr)
		}
	case Incremental:
		at, adding := soa.Serial, true
		for _, rr := range all[1 : len(all)-1] {
			s, ok := rr.(*dns.SOA)
			switch {
			case ok && adding && s.Serial != at:
				t.Fatalf("delta from %d, want %d", s.Serial, at)
			case ok:
				adding, at = !adding, s.Serial
			case adding:
				c.add(t, rr)
			default:
				if c[rr.String()] == nil {
					t.Fatalf("deletes what is not there: %v", rr)
				}
				delete(c, rr.String())
			}
		}
		if at != now.Serial || !adding {
			t.Fatalf("deltas end at %d, want %d", at, now.Serial)
		}
	}
	if last, ok := all[len(all)-1].(*dns.SOA); !ok || last.Serial != now.Serial {
		t.Fatalf("the last record is %v", all[len(all)-1])
	}
	return kind, c, now
}

func (c copyOf) add(t *testing.T, rr dns.RR) {
	t.Helper()
	if c[rr.String()] != nil {
		t.Fatalf("twice: %v", rr)
	}
	if rr.Header().Ttl != 5 || rr.Header().Class != dns.ClassINET {
		t.Fatalf("TTL and class: %v", rr)
	}
	c[rr.String()] = rr
}

func (c copyOf) sorted() (out []string) {
	for s := range c {
		out = append(out, s)
	}
	slices.Sort(out)
	return out
}

// secondary answers out of a copy as RFC 1034 §4.3.2 and RFC 4592 §3.3 say,
// word by word.
type secondary struct {
	rrs   map[string][]dns.RR // by owner
	nodes map[string]bool     // owners and what is above them
}

func (c copyOf) secondary() secondary {
	s := secondary{map[string][]dns.RR{}, map[string]bool{origin: true}}
	for _, rr := range c {
		owner := rr.Header().Name
		s.rrs[owner] = append(s.rrs[owner], rr)
		for ; owner != origin; owner = parent(owner) {
			s.nodes[owner] = true
		}
	}
	return s
}

func parent(name string) string {
	_, rest, _ := strings.Cut(name, ".")
	return rest
}

func (s secondary) has(owner string, qtype uint16) (out []dns.RR) {
	for _, rr := range s.rrs[owner] {
		if rr.Header().Rrtype == qtype {
			out = append(out, rr)
		}
	}
	return out
}

// answer returns the rcode, the answer, and whether it is a referral.
func (s secondary) answer(qname string, qtype uint16) (int, []dns.RR, bool) {
	for cut := qname; cut != origin; cut = parent(cut) {
		if len(s.has(cut, dns.TypeNS)) > 0 && !(cut == qname && qtype == dns.TypeDS) {
			return dns.RcodeSuccess, nil, true
		}
	}
	if s.nodes[qname] {
		return dns.RcodeSuccess, s.has(qname, qtype), false
	}
	encloser := parent(qname)
	for !s.nodes[encloser] {
		encloser = parent(encloser)
	}
	if wild := "*." + encloser; s.nodes[wild] {
		return dns.RcodeSuccess, s.has(wild, qtype), false
	}
	return dns.RcodeNameError, nil, false
}

// meaning is what is left of an answer for whoever compares it.
func meaning(rcode int, answer []dns.RR, referral bool) string {
	out := []string{dns.RcodeToString[rcode]}
	if referral {
		out[0] = "referral"
	}
	for _, rr := range answer {
		rr = dns.Copy(rr)
		rr.Header().Name = "."
		out = append(out, rr.String())
	}
	slices.Sort(out[1:])
	return strings.Join(out, "\n")
}
