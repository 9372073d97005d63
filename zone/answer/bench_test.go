package answer

import (
	"fmt"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/plain"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
)

// sizedView holds n users on 10 homes.
func sizedView(b *testing.B, n int) *Zone {
	b.Helper()
	v := New(Config{}, view.New(view.Config{Origin: origin, Self: "pbx-0", TTL: 5 * time.Second}))
	for h := range 10 {
		node := record.Node{Name: fmt.Sprintf("pbx-%d", h), State: record.Up, SIP: []record.Transport{{Proto: "udp", Port: 5060}}, IAX: 4569}
		var all []location.Binding
		for i := h; i < n; i += 10 {
			all = append(all, binding(fmt.Sprintf("97231%07d", i), uint64(i), uint64(i+1)))
		}
		v.Home(node.Name).Replace(record.Version{Epoch: "e", Serial: 1}, &node, all)
	}
	v.SetSettled(true)
	return v
}

func BenchmarkLookup(b *testing.B) {
	for _, n := range []int{1_000, 1_000_000} {
		v := sizedView(b, n)
		for _, q := range []struct {
			name, qname string
			qtype       uint16
		}{
			{"user", "972310000007.users." + origin, dns.TypeNAPTR},
			{"enum", "7.0.0.0.0.0.0.1.3.2.7.9.e164." + origin, dns.TypeNAPTR},
			{"srv", "_sip._udp.972310000007.users." + origin, dns.TypeSRV},
			{"absent", "9.9.9.9.e164." + origin, dns.TypeNAPTR},
			{"empty", "1.3.2.7.9.e164." + origin, dns.TypeNAPTR},
		} {
			b.Run(fmt.Sprintf("%s/%d", q.name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					v.Lookup(q.qname, q.qtype)
				}
			})
		}
	}
}

// BenchmarkAppend is a plain query on the fast path, from octets to octets.
func BenchmarkAppend(b *testing.B) {
	v := sizedView(b, 1_000_000)
	for _, c := range []struct{ name, qname string }{
		{"hit", "7.0.0.0.0.0.0.1.3.2.7.9.e164." + origin},
		{"miss", "9.9.9.9.e164." + origin},
	} {
		m := new(dns.Msg)
		m.SetQuestion(c.qname, dns.TypeNAPTR)
		datagram, err := m.Pack()
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.name, func(b *testing.B) {
			var q plain.Query
			p, buf := v.NewPacker(), make([]byte, 0, 1500)
			b.ReportAllocs()
			for b.Loop() {
				if !q.Parse(datagram) {
					b.Fatal("no plain query")
				}
				if _, _, ok := p.Append(buf, record.Client{}, &q, 1480); !ok {
					b.Fatal("not answered")
				}
			}
		})
	}
}

// A change costs the same in a small zone and in a large one.
func BenchmarkApply(b *testing.B) {
	for _, n := range []int{1_000, 1_000_000} {
		v := sizedView(b, n)
		h := v.Home("pbx-7")
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			old := binding("972310000007", 7, 8)
			for i := 0; b.Loop(); i++ {
				next := binding("972310000007", 7, uint64(i))
				h.Apply(record.Version{Epoch: "e", Serial: uint32(i)}, nil, []location.Change{{Old: old, New: next}})
				old = next
			}
		})
		b.Run(fmt.Sprintf("come-and-go/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			x := binding("972319999999", 1, 1)
			for i := 0; b.Loop(); i++ {
				h.Apply(record.Version{Epoch: "e", Serial: 1}, nil, []location.Change{{New: x}})
				h.Apply(record.Version{Epoch: "e", Serial: 1}, nil, []location.Change{{Old: x}})
			}
		})
	}
}
