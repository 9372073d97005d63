package outbound

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"unique"

	"github.com/asterfed/asterfed/zone/record"
	"github.com/miekg/dns"
)

// set is the records of one unit, as octets in order, so that equal sets are
// equal. A user's name is left out of it where it repeats that of the unit:
// the users of one node then share one set. The zero value has no records.
type set struct{ h unique.Handle[string] }

// item is one record of a set, its class and TTL being those of the zone.
type item struct {
	below string // labels below the unit, each with its dot
	rtype uint16
	rdata string // wire form; in a NAPTR blank stands for the unit's name
}

// blank stands for the name of a unit. Names that are published are ASCII.
const blank = "\xff"

// newSet makes the set of a unit's records, name being what it is called. Of an
// RRset that is too large it takes the first records, which rank best, and returns
// an error as well.
func newSet(unit, origin, name string, rrs []dns.RR) (set, error) {
	if len(rrs) == 0 {
		return set{}, nil
	}
	owner := strings.TrimPrefix(unit+"."+origin, ".")
	type rrset struct {
		owner string
		rtype uint16
	}
	counts := map[rrset]int{}
	var large error
	all := make([]string, 0, len(rrs))
	buf := make([]byte, 256)
	for _, rr := range rrs {
		if len(rrs) > record.MaxRRset {
			of := rrset{rr.Header().Name, rr.Header().Rrtype}
			if counts[of]++; counts[of] > record.MaxRRset {
				large = fmt.Errorf("unit %q has more than %d %s at %s", unit, record.MaxRRset, dns.Type(of.rtype), of.owner)
				continue
			}
		}
		if n := dns.Len(rr); n > len(buf) {
			buf = make([]byte, n)
		}
		below, ok := strings.CutSuffix(rr.Header().Name, owner)
		if !ok {
			return set{}, fmt.Errorf("unit %q: record %v is not its own", unit, rr)
		}
		end, err := dns.PackRR(rr, buf, 0, nil, false)
		if err != nil {
			return set{}, fmt.Errorf("pack record: %w", err)
		}
		_, start, err := dns.UnpackDomainName(buf, 0)
		if err != nil {
			return set{}, fmt.Errorf("unpack owner: %w", err)
		}
		r := item{below, rr.Header().Rrtype, string(buf[start+10 : end])}
		if r.rtype == dns.TypeNAPTR {
			r.rdata = respelled(r.rdata, name, blank)
		}
		all = append(all, r.encode())
	}
	slices.Sort(all)
	return set{unique.Make(strings.Join(slices.Compact(all), ""))}, large
}

func (r item) encode() string {
	b := append([]byte{byte(len(r.below))}, r.below...)
	b = binary.BigEndian.AppendUint16(b, r.rtype)
	b = binary.BigEndian.AppendUint16(b, uint16(len(r.rdata)))
	return string(append(b, r.rdata...))
}

// records returns what encode has put together. What the users of a node
// share still has blanks.
func (s set) records() (out []item) {
	if s == (set{}) {
		return nil
	}
	for b := s.h.Value(); b != ""; {
		n := int(b[0])
		r := item{below: b[1 : 1+n]}
		b = b[1+n:]
		r.rtype = uint16(b[0])<<8 | uint16(b[1])
		n = int(b[2])<<8 | int(b[3])
		r.rdata, b = b[4:4+n], b[4+n:]
		out = append(out, r)
	}
	return out
}

// respelled returns the RDATA of a NAPTR (RFC 3403 §4.1) with another text in
// the place of one in its regexp.
func respelled(rdata, old, text string) string {
	if old == "" {
		return rdata
	}
	at := 4 // behind order and preference: flags, services, regexp
	for range 2 {
		at += 1 + int(rdata[at])
	}
	n := int(rdata[at])
	regexp := strings.ReplaceAll(rdata[at+1:at+1+n], old, text)
	if len(regexp) > 255 {
		return rdata
	}
	return rdata[:at] + string([]byte{byte(len(regexp))}) + regexp + rdata[at+1+n:]
}

// without returns the records of s that o has not.
func (s set) without(o set) (out []item) {
	others := o.records()
	for _, r := range s.records() {
		if !slices.Contains(others, r) {
			out = append(out, r)
		}
	}
	return out
}

// nameOf returns what a unit is called in the URIs of its records: the user,
// or the digits.
func nameOf(unit string) string {
	name, tree := unit, ""
	if i := strings.LastIndexByte(unit, '.'); i >= 0 {
		name, tree = unit[:i], unit[i+1:]
	}
	switch tree {
	case "users", "trunks", "providers", "services":
		return name
	case "isn":
		if i := strings.LastIndexByte(name, '.'); i >= 0 {
			name = name[:i]
		}
	case "e164":
	default:
		return ""
	}
	b := make([]byte, 0, len(name)/2+1)
	for i := len(name) - 1; i >= 0; i -= 2 {
		b = append(b, name[i])
	}
	return string(b)
}
