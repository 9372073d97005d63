package answer

import (
	"strconv"

	"github.com/asterfed/asterfed/zone/record"
	"github.com/miekg/dns"
)

// TXT returns the explanation as records of RFC 1464 strings: one of the whole,
// then one of each claim, counted by n.
func (e Explanation) TXT(owner string, ttl uint32) []dns.RR {
	head := record.Strings{record.TXTVersion, "n=0", "node=" + e.Node, "answer=" + e.Answer, "order=" + string(e.Order)}
	head.Add("found", e.Found)
	head.Add("infull", plus(e.InFull))
	head.Add("delegated", plus(e.Block))
	if e.Trimmed > 0 {
		head.Add("trimmed", strconv.Itoa(e.Trimmed))
	}
	head.Add("note", e.Note)
	out := []dns.RR{head.RR(owner, ttl)}
	for i, c := range e.Claims {
		s := record.Strings{record.TXTVersion, "n=" + strconv.Itoa(i+1)}
		if c.Preference != 0 {
			s.Add("pref", strconv.Itoa(int(c.Preference)))
		}
		s.Add("home", c.Home)
		s = append(s, record.Described(c.Binding)...)
		if c.Preference != 0 {
			s.Add("user", string(c.User))
		}
		s.Add("rule", string(c.Rule))
		s.Add("why", c.Why)
		out = append(out, s.RR(owner, ttl))
	}
	return out
}

func plus(digits string) string {
	if digits == "" {
		return ""
	}
	return "+" + digits
}
