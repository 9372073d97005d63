package stream_test

import (
	"fmt"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/stream"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
)

// A full transfer of a home zone, as its records and as what a secondary makes of
// them.
func ExampleAnswer() {
	const origin = "fed.example."
	v := view.New(view.Config{Origin: origin, Self: "pbx-a", TTL: 5 * time.Second})
	home := v.Home("pbx-b")
	node := record.Node{Name: "pbx-b", State: record.Up}
	home.Replace(record.Version{Epoch: "0011223344556677", Serial: 7}, &node, []location.Binding{{AOR: "1001", Kind: location.PJSIP, Contact: 0xff}})

	apex := record.HomeZone("pbx-b", origin)
	r := stream.NewReader(apex, nil)
	err := stream.Answer(stream.Replica{Home: home}, stream.Query{Origin: origin, Apex: apex, TTL: 5}, stream.Reply{
		Msg: new(dns.Msg).SetAxfr(apex),
		Send: func(wire []byte) error {
			m := new(dns.Msg)
			if err := m.Unpack(wire); err != nil {
				return err
			}
			for _, rr := range m.Answer {
				fmt.Println(dns.Type(rr.Header().Rrtype), "at", rr.Header().Name)
			}
			_, err := r.Message(wire)
			return err
		},
	})
	t := r.Transfer()
	fmt.Println(err, r.Done(), t.Version.Serial, t.Bindings[0].AOR)
	// Output:
	// SOA at pbx-b.homes.fed.example.
	// NS at pbx-b.homes.fed.example.
	// TXT at pbx-b.homes.fed.example.
	// TXT at 1001.users.pbx-b.homes.fed.example.
	// SOA at pbx-b.homes.fed.example.
	// <nil> true 7 1001
}
