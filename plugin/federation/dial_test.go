package federation

import (
	"net"
	"net/netip"
	"testing"

	"github.com/asterfed/asterfed/plugin/federation/config"
	"github.com/miekg/dns"
)

// TestDial: a node dials from the address at which others know it, where it has
// that one.
func TestDial(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, c := range []struct{ transfer, from string }{
		{"127.0.0.77:53", "127.0.0.77"},
		{"192.0.2.1:53", "127.0.0.1"}, // of a gateway
		{"[::1]:53", "127.0.0.1"},
	} {
		r := &Runtime{cfg: config.Config{Transfer: netip.MustParseAddrPort(c.transfer)}}
		conn, err := r.dial(t.Context(), "tcp", l.Addr().String())
		if err != nil {
			t.Errorf("%s: %v", c.transfer, err)
			continue
		}
		if at := conn.LocalAddr().(*net.TCPAddr).IP.String(); at != c.from {
			t.Errorf("%s: dials from %s, want %s", c.transfer, at, c.from)
		}
		conn.Close()
	}
}

// CoreDNS's servers take NOTIFYs with news.
func TestNotifyIsAccepted(t *testing.T) {
	if dns.DefaultMsgAcceptFunc(dns.Header{Bits: dns.OpcodeNotify << 11, Qdcount: 1, Ancount: 6, Arcount: 1}) != dns.MsgAccept {
		t.Error("a NOTIFY with six answers is rejected")
	}
}
