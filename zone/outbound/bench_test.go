package outbound

import (
	"fmt"
	"log/slog"
	"runtime"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/stream"
	"github.com/asterfed/asterfed/zone/tsig"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
)

// sized returns the zone of a view with so many users, who are numbers, on ten
// homes.
func sized(b *testing.B, users int) (*answer.Zone, *Zone) {
	b.Helper()
	v := answer.New(answer.Config{}, view.New(view.Config{Origin: origin, Self: "pbx-0", TTL: 5 * time.Second}))
	for h := range 10 {
		node := record.Node{Name: fmt.Sprintf("pbx-%d", h), State: record.Up, SIP: []record.Transport{{Proto: "udp", Port: 5060}}}
		var all []location.Binding
		for i := h; i < users; i += 10 {
			all = append(all, number(i, 1))
		}
		v.Home(node.Name).Replace(record.Version{Epoch: "e", Serial: 1}, &node, all)
	}
	v.SetSettled(true)
	return v, Open(Config{View: v, Followed: true, Logger: slog.New(slog.DiscardHandler)})
}

func number(i int, stamp location.Stamp) location.Binding {
	return location.Binding{AOR: location.AOR(fmt.Sprintf("97231%07d", i)), Kind: location.PJSIP, Contact: 1, Stamp: stamp}
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkBuild is what the first transfer waits for, and what the zone then
// takes.
func BenchmarkBuild(b *testing.B) {
	const users = 20_000
	_, z := sized(b, users)
	before := heap()
	for b.Loop() {
		z.forget()
		z.build()
	}
	b.ReportMetric(float64(heap()-before)/users, "octets/user")
	b.ReportMetric(b.Elapsed().Seconds()*1e6/float64(b.N)/users, "µs/user")
	runtime.KeepAlive(z)
}

// BenchmarkFull is a full zone, packed and signed.
func BenchmarkFull(b *testing.B) {
	const users = 20_000
	_, z := sized(b, users)
	octets := 0
	for b.Loop() {
		octets = 0
		m := new(dns.Msg).SetAxfr(origin)
		s, err := stream.NewStream(stream.Reply{Msg: m, Key: &tsig.Key{Name: "k.", Algorithm: dns.HmacSHA256, Secret: "a2V5"}, MAC: "00",
			Send: func(wire []byte) error { octets += len(wire); return nil }}, origin, 5)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := z.Transfer(nil, s); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(octets)/users, "octets/user")
	b.ReportMetric(b.Elapsed().Seconds()*1e6/float64(b.N)/users, "µs/user")
}

// BenchmarkStep is a second in which 100 of 100,000 users move.
func BenchmarkStep(b *testing.B) {
	v, z := sized(b, 100_000)
	z.step()
	i := 0
	for b.Loop() {
		for range 100 {
			i++
			v.Home(fmt.Sprintf("pbx-%d", i%7)).Apply(record.Version{Epoch: "e", Serial: uint32(i)}, nil,
				[]location.Change{{New: number(i*7919%100_000, location.Stamp(i))}})
		}
		z.step()
	}
}
