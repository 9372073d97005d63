package update

import (
	"testing"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/miekg/dns"
)

// Whatever message comes: it is refused and changes nothing, or its changes
// lead from what is published to what comes back the same from the wire, and
// done again it adds and removes nothing.
func FuzzUpdate(f *testing.F) {
	for _, text := range []string{
		"yxrrset " + bob + ` TXT "k=user"` + "\nnxdomain 2.e164." + apex + "\nadd 2.e164." + apex + ` TXT "k=number" "x=+1h" "n=A"`,
		"delete " + number + "\nadd " + number + ` TXT "k=range" "to=+1005" "cost=3"`,
		"delete " + number + ` TXT "k=number" "u=*"`,
		"add q.services." + apex + ` TXT "k=service" "of=600"`,
		"delete " + apex,
		"add *.e164." + apex + ` TXT "k=wildcard"`,
		"zone fed.example.",
	} {
		raw, err := message(f, text).Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := new(dns.Msg)
		if m.Unpack(raw) != nil {
			return
		}
		l := newLab(t, was...)
		before := l.zone()
		changes, err := l.home.Decide(m, "", l.pubs, everything)
		if l.zone() != before {
			t.Fatal("deciding changes the zone")
		}
		if err != nil {
			if _, ok := err.(*Refusal); !ok || changes != nil {
				t.Fatalf("%v and %v", err, changes)
			}
			return
		}
		for _, c := range changes {
			if held, ok := l.pubs.Get(c.Old); c.Old.Kind != 0 && (!ok || held != c.Old) {
				t.Fatalf("%v replaces what is not there", c)
			}
			if c.New.Kind == 0 {
				continue
			}
			b, _, err := record.ParseTXT(record.TXT(c.New, apex, 5), apex)
			if err != nil || b != c.New {
				t.Fatalf("%v comes back as %v: %v", c.New, b, err)
			}
			if _, err := location.ParseAOR(string(c.New.AOR)); err != nil && c.New.AOR != "." || c.New.Stamp == 0 || c.New.Kind.Registered() {
				t.Fatalf("published %v: %v", c.New, err)
			}
		}
		l.pubs.Apply(changes)
		after := l.zone()
		if again, err := l.home.Decide(m, "", l.pubs, everything); err == nil {
			l.pubs.Apply(again)
			if l.zone() != after {
				t.Fatalf("done again it leaves\n%s\ninstead of\n%s", l.zone(), after)
			}
		}
	})
}
