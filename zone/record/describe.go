package record

import (
	"github.com/asterfed/asterfed/zone/location"
	"github.com/miekg/dns"
)

// Described returns a binding as strings for people: its kind, name, source,
// stamp and what else was published.
func Described(b location.Binding) []string {
	s := Strings{"k=" + b.Kind.String(), "name=" + string(b.AOR), "source=" + Source(b)}
	if b.Stamp != 0 {
		s.Add("since", b.Stamp.Time().UTC().Format(StampTime))
	}
	b.Info.Details().Each(func(key, val string) {
		switch key {
		case "by": // Source names it
		case "n": // which counts the records here
			s.Add("display", Escape(val))
		default:
			s.Add(key, Escape(val))
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

// Strings are the character-strings of one record.
type Strings []string

// Add appends a key with its value, unless that is empty. What is too long for
// a string (RFC 1035 §3.3) is cut.
func (s *Strings) Add(key, val string) {
	if val == "" {
		return
	}
	t := key + "=" + val
	*s = append(*s, t[:min(len(t), 255)])
}

// StringsTXT returns a record of strings, each cut to what fits into one.
func StringsTXT(owner string, ttl uint32, list ...string) dns.RR {
	var s Strings
	for _, t := range list {
		s = append(s, t[:min(len(t), 255)])
	}
	return s.RR(owner, ttl)
}

// RR returns the TXT record of the strings.
func (s Strings) RR(owner string, ttl uint32) dns.RR {
	return &dns.TXT{Hdr: dns.RR_Header{Name: owner, Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: ttl}, Txt: s}
}
