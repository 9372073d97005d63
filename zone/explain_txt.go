package zone

import (
	"strconv"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/miekg/dns"
)

// TXT returns the explanation as records of RFC 1464 strings: one of the whole,
// then one of each claim, counted by n.
func (e Explanation) TXT(owner string, ttl uint32) []dns.RR {
	head := strs{txtVersion, "n=0", "node=" + e.Node, "answer=" + e.Answer, "order=" + string(e.Order)}
	head.add("found", e.Found)
	head.add("infull", plus(e.InFull))
	head.add("delegated", plus(e.Block))
	if e.Trimmed > 0 {
		head.add("trimmed", strconv.Itoa(e.Trimmed))
	}
	head.add("note", e.Note)
	out := []dns.RR{head.rr(owner, ttl)}
	for i, c := range e.Claims {
		s := strs{txtVersion, "n=" + strconv.Itoa(i+1)}
		if c.Preference != 0 {
			s.add("pref", strconv.Itoa(int(c.Preference)))
		}
		s.add("home", c.Home)
		s = append(s, Described(c.Binding)...)
		if c.Preference != 0 {
			s.add("user", string(c.User))
		}
		s.add("rule", string(c.Rule))
		s.add("why", c.Why)
		out = append(out, s.rr(owner, ttl))
	}
	return out
}

// Described returns a binding as strings for people: its kind, name, source,
// stamp and what else was published.
func Described(b location.Binding) []string {
	s := strs{"k=" + b.Kind.String(), "name=" + string(b.AOR), "source=" + Source(b)}
	if b.Stamp != 0 {
		s.add("since", b.Stamp.Time().UTC().Format(StampTime))
	}
	b.Info.Details().Each(func(key, val string) {
		switch key {
		case "by": // Source names it
		case "n": // which counts the records here
			s.add("display", escapeTXT(val))
		default:
			s.add(key, escapeTXT(val))
		}
	})
	return s
}

// StampTime is how the time of a stamp is written: RFC 3339 with milliseconds.
const StampTime = "2006-01-02T15:04:05.000Z07:00"

// Source names where a binding comes from: "registration", "update", or the
// source that keeps it, such as "directory" or "plan".
func Source(b location.Binding) string {
	switch by := b.Info.Details().By; {
	case b.Kind.Registered():
		return "registration"
	case by != "":
		return by
	}
	return "update"
}

func plus(digits string) string {
	if digits == "" {
		return ""
	}
	return "+" + digits
}

// strs are the character-strings of one record.
type strs []string

// add appends a key with its value, unless that is empty. What is too long for
// a string (RFC 1035 §3.3) is cut.
func (s *strs) add(key, val string) {
	if val == "" {
		return
	}
	t := key + "=" + val
	*s = append(*s, t[:min(len(t), 255)])
}

// StringsTXT returns a record of strings, each cut to what fits into one.
func StringsTXT(owner string, ttl uint32, list ...string) dns.RR {
	var s strs
	for _, t := range list {
		s = append(s, t[:min(len(t), 255)])
	}
	return s.rr(owner, ttl)
}

func (s strs) rr(owner string, ttl uint32) dns.RR {
	return &dns.TXT{Hdr: dns.RR_Header{Name: owner, Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: ttl}, Txt: s}
}
