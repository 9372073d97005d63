//go:build !race

package answer

import (
	"testing"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/plain"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/miekg/dns"
)

// A plain query costs no allocation, whatever the answer.
func TestAppendAllocates(t *testing.T) {
	v := newTestView(t, Newest)
	v.Home("pbx-b").Apply(record.Version{Epoch: "e", Serial: 2}, nil, []location.Change{bind("1001", 1, 100), bind("97231230001", 5, 1)})
	v.Home("pbx-c").Apply(record.Version{Epoch: "e", Serial: 2}, nil, []location.Change{bind("1001", 2, 200)})
	published := func(k location.Kind, name string, d location.Details) location.Change {
		b, err := location.Publish(k, name, d)
		if err != nil {
			t.Fatal(err)
		}
		return location.Change{New: b}
	}
	v.Home("pbx-a").Apply(record.Version{Epoch: "e", Serial: 2}, nil, []location.Change{bind("alice.smith", 3, 1), bind("+97231234000", 4, 1),
		published(location.Prefix, "9724", location.Details{}), published(location.Trunk, "berlin", location.Details{}),
		published(location.Number, "5550001", location.Details{Name: "Carol"})})
	buf, p := make([]byte, 0, 1500), v.NewPacker()
	for _, c := range []struct {
		what, name string
		qtype      uint16
	}{
		{"user", "alice.smith.users.", dns.TypeNAPTR}, {"user at two homes", "1001.users.", dns.TypeNAPTR},
		{"number", "0.0.0.4.3.2.1.3.2.7.9.e164.", dns.TypeNAPTR}, {"number without plus", "1.0.0.0.3.2.1.3.2.7.9.e164.", dns.TypeNAPTR},
		{"covered number", "1.1.1.4.2.7.9.e164.", dns.TypeNAPTR}, {"display name", "1.0.0.0.5.5.5.e164.", dns.TypeTXT},
		{"SRV of a user", "_sip._udp.1001.users.", dns.TypeSRV}, {"trunk", "_sip._udp.berlin.trunks.", dns.TypeSRV},
		{"no such user", "4711.users.", dns.TypeNAPTR}, {"no such number", "9.9.9.e164.", dns.TypeNAPTR},
		{"non-terminal", "3.2.7.9.e164.", dns.TypeNAPTR}, {"no such type", "1001.users.", dns.TypeA},
		{"SOA", "", dns.TypeSOA}, {"NS", "", dns.TypeNS}, {"NAPTR of the zone", "", dns.TypeNAPTR}, {"SRV of the zone", "_sip._udp.", dns.TypeSRV},
		{"A", "pbx-a.nodes.", dns.TypeA}, {"AAAA", "pbx-a.nodes.", dns.TypeAAAA}, {"TXT", "pbx-a.nodes.", dns.TypeTXT}, {"container", "users.", dns.TypeTXT},
	} {
		m := new(dns.Msg)
		m.SetQuestion(c.name+origin, c.qtype)
		b, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		var q plain.Query
		if !q.Parse(b) {
			t.Fatalf("%s is no plain query", c.what)
		}
		ok := false
		n := testing.AllocsPerRun(100, func() { _, _, ok = p.Append(buf, record.Client{}, &q, 1480) })
		if !ok || n != 0 {
			t.Errorf("%s: %v allocations, answered %v", c.what, n, ok)
		}
	}
}

// A name that is new takes one object in the view.
func TestApplyAllocates(t *testing.T) {
	changes := make([]location.Change, 20_000)
	for i := range changes {
		changes[i].New = binding(scaleUser(10*i+1), uint64(i+1), 0) // letters
	}
	var v *Zone
	n := testing.AllocsPerRun(3, func() {
		v = newTestView(t, Newest)
		v.Home("pbx-a").Apply(record.Version{Epoch: "e", Serial: 2}, nil, changes)
	})
	if per := n / float64(len(changes)); per > 1.2 || v.Home("pbx-a").Len() != len(changes) {
		t.Errorf("%.2f allocations for each of %d names, want 1", per, v.Home("pbx-a").Len())
	}
}
