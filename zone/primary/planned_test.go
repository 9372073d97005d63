package primary

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/miekg/dns"
)

// TestPlan: a user's number comes with his first registration and goes with
// the last one, also over restarts with another plan.
func TestPlan(t *testing.T) {
	dir := t.TempDir()
	rule := func(aor, number string) location.Plan {
		r, err := location.ParseRule(aor, number)
		if err != nil {
			t.Fatal(err)
		}
		return location.Plan{r}
	}
	var v *answer.Zone
	start := func(plan location.Plan) *Primary {
		v = newTestView(t)
		j, _, err := OpenJournal(dir, "pbx-a", origin)
		if err != nil {
			t.Fatal(err)
		}
		n, _ := v.Home("pbx-a").Node()
		return New(Config{Zone: v.Own(), Clock: location.NewClock(time.Now), Node: n, Plan: plan, Journal: j, Logger: slog.Default()})
	}
	do := func(p *Primary, f func(*location.Store) []location.Change) {
		t.Helper()
		if _, err := p.Update(f); err != nil {
			t.Fatal(err)
		}
	}
	is := func(name, want string) {
		t.Helper()
		if got := sipOf(v, name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	const number, other = "1.0.0.1.3.2.1.3.2.7.9.e164", "1.0.0.1.9.4.e164"
	phone := func(uri string) location.Contact {
		return location.Contact{AOR: "1001", Kind: location.PJSIP, URI: uri}
	}
	p := start(rule("1xxx", "+97231231xxx"))
	is(number, "NXDOMAIN")
	do(p, func(s *location.Store) []location.Change { return s.Register(phone("sip:a")) })
	do(p, func(s *location.Store) []location.Change { return s.Register(phone("sip:b")) })
	is(number, "1001@pbx-a")
	do(p, func(s *location.Store) []location.Change { return s.Remove("1001", location.PJSIP, "sip:a") })
	is(number, "1001@pbx-a")
	v.Home("pbx-b").Apply(record.Version{Epoch: "e", Serial: 2}, nil, []location.Change{{New: binding("1001", 9, 1<<62)}})
	is(number, "1001@pbx-b 1001@pbx-a")
	p.Close()
	p = start(rule("1xxx", "+491xxx"))
	is(number, "NXDOMAIN")
	is(other, "1001@pbx-a")
	do(p, func(s *location.Store) []location.Change { return s.Remove("1001", location.PJSIP, "sip:b") })
	is(other, "NXDOMAIN")
	if n := v.Home("pbx-a").Len(); n != 0 {
		t.Errorf("%d bindings are left", n)
	}
	p.Close()
}

// sip returns the "user@node" of the E2U+sip records, best first, or "NODATA"
// or "NXDOMAIN".
func sipOf(v *answer.Zone, name string) string {
	res := v.Lookup(name+"."+origin, dns.TypeNAPTR)
	var out []string
	for _, rr := range res.Answer {
		if n := rr.(*dns.NAPTR); n.Service == "E2U+sip" {
			_, uri, _ := strings.Cut(n.Regexp, "!sip:")
			out = append(out, strings.TrimSuffix(uri, ".nodes.fed.example!"))
		}
	}
	switch {
	case res.Rcode == dns.RcodeNameError:
		return "NXDOMAIN"
	case len(out) == 0:
		return "NODATA"
	}
	return strings.Join(out, " ")
}
