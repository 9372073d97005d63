//go:build !race

package federation

import (
	"testing"

	"github.com/asterfed/asterfed/plugin/federation/udp"
	"github.com/miekg/dns"
)

// From datagram to answer nothing is allocated, where no home is hidden.
func TestFastPathAllocates(t *testing.T) {
	b := newBoth(t)
	buf := make([]byte, 0, udp.MaxReply)
	for _, name := range []string{"1002.users.", "7.6.5.4.3.2.1.3.2.7.9.e164.", "9.9.9.e164.", "nobody.users.", "_sip._udp.4004.users.", "3.2.7.9.e164.", "77.users."} {
		m := new(dns.Msg)
		m.SetQuestion(name+diffOrigin, dns.TypeNAPTR)
		if name[0] == '_' {
			m.Question[0].Qtype = dns.TypeSRV
		}
		datagram, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		ok := false
		if n := testing.AllocsPerRun(100, func() { _, ok = b.fast.Answer(buf, datagram, froms[0]) }); n != 0 || !ok {
			t.Errorf("%s: %v allocations, answered %v", name, n, ok)
		}
	}
}
