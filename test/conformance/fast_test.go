package conformance

import (
	"bytes"
	"testing"

	"github.com/miekg/dns"
)

// TestBothPaths asks every question of the cases twice over UDP: as it is, which
// the fast path answers if it is a plain one, and with an octet behind the
// message, which no path looks at and the fast path leaves to CoreDNS. The answers
// are the same, octet by octet.
func TestBothPaths(t *testing.T) {
	compared := 0
	for _, e := range entries(t) {
		m := question(t, e.question)
		if e.how.edns > 0 {
			m.SetEdns0(e.how.edns, e.how.do)
		}
		b, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		fast, chain := turns(t, b)
		if !bytes.Equal(fast, chain) {
			f, c := new(dns.Msg), new(dns.Msg)
			f.Unpack(fast)
			c.Unpack(chain)
			t.Errorf("%s\n%s\nfast path: %x\n%v\nchain: %x\n%v", e.why, e.question, fast, f, chain, c)
		}
		compared++
	}
	if compared < 100 {
		t.Errorf("%d answers compared", compared)
	}
}

// turns asks on both paths, again if they differ in what takes turns (equal
// ranks, of which there are two at most) or advances (the serial).
func turns(t *testing.T, b []byte) (fast, chain []byte) {
	for range 4 {
		fast, chain = raw(t, b, patience), raw(t, append(bytes.Clone(b), 0), patience)
		if bytes.Equal(fast, chain) {
			break
		}
		raw(t, b, patience) // the other one's turn
	}
	return fast, chain
}
