package wire

import (
	"bytes"
	"testing"

	"github.com/asterfed/asterfed/zone/plain"
	"github.com/miekg/dns"
)

// Names are compressed as miekg/dns does it, those that repeat a label included.
func TestCompression(t *testing.T) {
	for _, names := range [][]string{{"nodes.nodes.fed.example."}, {"a.a.a.a."}, {"fed.example.", "FED.example.", "x.Fed.example."}, {"."},
		{"pbx-a.nodes.fed.example.", "pbx-b.nodes.fed.example.", "nodes.fed.example.", "example."}, {"1.users.fed.example.", "users.fed.example."}} {
		m := new(dns.Msg).SetQuestion("1.users.fed.example.", dns.TypeSRV)
		m.Compress = true
		var q plain.Query
		b, err := m.Pack()
		if err != nil || !q.Parse(b) {
			t.Fatal(err)
		}
		plainly := 0
		w := Begin(b, new(Labels))
		for i, name := range names {
			srv := &dns.SRV{Hdr: dns.RR_Header{Name: "1.users.fed.example.", Rrtype: dns.TypeSRV, Class: dns.ClassINET}, Target: name}
			ns := &dns.NS{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeNS, Class: dns.ClassINET}, Ns: names[len(names)-1-i]}
			m.Answer = append(m.Answer, srv, ns)
			w.Append(true, srv)
			w.Append(false, ns)
			plainly += dns.Len(srv) + dns.Len(ns)
		}
		want, err := m.Pack()
		if err != nil || w.failed || !bytes.Equal(w.b[12:], want[12:]) {
			t.Errorf("%q: %v\ngot  %x\nwant %x", names, err, w.b, want)
		}
		if got := len(w.b) - len(b) + w.saved; got != plainly {
			t.Errorf("%q: %d octets without compression, want %d", names, got, plainly)
		}
	}
}
