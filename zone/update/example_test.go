package update_test

import (
	"fmt"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/update"
	"github.com/miekg/dns"
)

// An update that a key may make, and one that it may not.
func ExampleHome_Decide() {
	now := func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
	home := update.Home{Node: "pbx-a", Origin: "fed.example.", Now: now, Clock: location.NewClock(now),
		Users:  func(string) []location.Binding { return nil },
		Newest: func(location.Binding) location.Stamp { return 0 }}
	block, err := update.ParsePattern("97231234000-97231234999")
	if err != nil {
		panic(err)
	}
	rules := update.Rules{{Kinds: []location.Kind{location.Number}, Names: []update.Pattern{block}}}

	const apex = "pbx-a.homes.fed.example."
	for _, text := range []string{
		"1.0.0.4.3.2.1.3.2.7.9.e164." + apex + ` 0 IN TXT "k=number" "u=1001" "x=+1h"`,
		"1.0.0.5.3.2.1.3.2.7.9.e164." + apex + ` 0 IN TXT "k=number" "u=1001"`,
	} {
		rr, err := dns.NewRR(text)
		if err != nil {
			panic(err)
		}
		m := new(dns.Msg).SetUpdate(apex)
		m.Insert([]dns.RR{rr})
		wire, err := m.Pack()
		if err == nil {
			err = m.Unpack(wire) // as it comes from a client
		}
		if err != nil {
			panic(err)
		}
		changes, err := home.Decide(m, "customer.", location.NewPublications(), rules)
		for _, c := range changes {
			d := c.New.Info.Details()
			fmt.Println(c.New.Kind, c.New.AOR, "for", d.Target, "until", time.Unix(d.Expires, 0).UTC().Format(time.TimeOnly))
		}
		if err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// number 97231234001 for 1001 until 04:04:05
	// add 1.0.0.5.3.2.1.3.2.7.9.e164.pbx-a.homes.fed.example.: no update line of the key permits k=number at 97231235001
}
