package main

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/plain"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
)

const origin = "fed.example."

// path is one way through the code that has to stay short.
type path struct {
	name string
	make func(*answer.Zone) func() // what is run again and again
}

var paths = []path{
	{"query-hit", query("4.3.2.0.0.0.0.1.3.2.7.9.e164.", dns.TypeNAPTR)},
	{"query-miss", query("9.9.9.9.9.9.9.9.3.2.7.9.e164.", dns.TypeNAPTR)},
	{"query-empty", query("1.3.2.7.9.e164.", dns.TypeNAPTR)},
	{"query-range", query("1.2.3.4.9.7.9.e164.", dns.TypeNAPTR)},
	{"query-srv", query("_sip._udp.972310000234.users.", dns.TypeSRV)},
	{"lookup-hit", lookup},
	{"change", change},
	{"record", registration},
}

func binding(i int, stamp uint64) location.Binding {
	return location.Binding{AOR: location.AOR(fmt.Sprintf("97231%07d", i)), Kind: location.PJSIP,
		Contact: location.ContactID(i + 1), Stamp: location.Stamp(stamp)}
}

// newView has a thousand numbers at four nodes, and one block.
func newView() *answer.Zone {
	v := answer.New(answer.Config{Order: answer.Newest}, view.New(view.Config{Origin: origin, Self: "pbx-0", TTL: 5 * time.Second, Now: func() time.Time { return time.Unix(1e9, 0) }}))
	for h := range 4 {
		n := record.Node{Name: fmt.Sprintf("pbx-%d", h), State: record.Up, IAX: 4569, SIP: []record.Transport{{Proto: "udp", Port: 5060}},
			Addrs: []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, byte(h)})}}
		var all []location.Binding
		for i := h; i < 1000; i += 4 {
			all = append(all, binding(i, uint64(i+1)))
		}
		if b, err := location.Publish(location.Prefix, "9794", location.Details{}); err == nil && h == 1 {
			all = append(all, b)
		}
		v.Home(n.Name).Replace(record.Version{Epoch: "e", Serial: 1}, &n, all)
	}
	v.SetSettled(true)
	return v
}

// query is a plain query on the fast path, from octets to octets.
func query(name string, qtype uint16) func(*answer.Zone) func() {
	return func(v *answer.Zone) func() {
		m := new(dns.Msg)
		m.SetQuestion(name+origin, qtype)
		datagram, err := m.Pack()
		if err != nil {
			panic(err)
		}
		var q plain.Query
		p, buf, from := v.NewPacker(), make([]byte, 0, 1500), netip.MustParseAddr("192.0.2.200")
		return func() {
			if !q.Parse(datagram) {
				panic("no plain query")
			}
			if _, _, ok := p.Append(buf, v.Client(from), &q, 1480); !ok {
				panic("not answered")
			}
		}
	}
}

// lookup makes the records of an answer, as for the chain of plugins.
func lookup(v *answer.Zone) func() {
	return func() {
		if r := v.Lookup("4.3.2.0.0.0.0.1.3.2.7.9.e164."+origin, dns.TypeNAPTR); len(r.Answer) == 0 {
			panic("no answer")
		}
	}
}

// change takes in that a user has registered again.
func change(v *answer.Zone) func() {
	h, old, stamp := v.Home("pbx-2"), binding(234, 235), uint64(1000)
	return func() {
		stamp++
		next := binding(234, stamp)
		h.Apply(record.Version{Epoch: "e", Serial: uint32(stamp)}, nil, []location.Change{{Old: old, New: next}})
		old = next
	}
}

// registration writes a registration for a transfer.
func registration(*answer.Zone) func() {
	b, buf := binding(234, 235), make([]byte, 0, 256)
	return func() { record.AppendUser(buf, b) }
}
