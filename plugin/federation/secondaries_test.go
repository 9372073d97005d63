package federation

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/miekg/dns"
)

func mustAddrPort(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// await polls until f has no error any more.
func await(t *testing.T, f func() error) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(20 * time.Second); ; <-tick.C {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

// A secondary is notified of each new serial, of many changes once.
func TestNotify(t *testing.T) {
	t.Parallel()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var told atomic.Uint32
	var count atomic.Int32
	up := make(chan struct{})
	s := &dns.Server{PacketConn: conn, TsigSecret: map[string]string{secondaryKey.Name: secondaryKey.Secret}, NotifyStartedFunc: func() { close(up) },
		MsgAcceptFunc: func(dns.Header) dns.MsgAcceptAction { return dns.MsgAccept },
		Handler: dns.HandlerFunc(func(w dns.ResponseWriter, m *dns.Msg) {
			told.Store(m.Answer[0].(*dns.SOA).Serial)
			count.Add(1)
			a := new(dns.Msg).SetReply(m)
			a.SetTsig(secondaryKey.Name, secondaryKey.Algorithm, 300, time.Now().Unix())
			w.WriteMsg(a)
		})}
	go s.ActivateAndServe()
	<-up
	defer s.Shutdown()
	r := newOutbound(t, conn.LocalAddr().String())
	for i := range 2 {
		await(t, func() error {
			if got, want := told.Load(), r.zone.Serial(); got != want || i == 0 && got == 0 {
				return fmt.Errorf("notified of %d, the serial is %d", got, want)
			}
			return nil
		})
		before := r.zone.Serial()
		for j := range 20 {
			register(r, location.AOR(fmt.Sprint(2000+100*i+j)))
		}
		await(t, func() error {
			if r.zone.Serial() == before {
				return fmt.Errorf("the serial is still %d", before)
			}
			return nil
		})
	}
	if n := count.Load(); n > 4 {
		t.Errorf("%d NOTIFYs for three serials", n)
	}
}

// Whatever a secondary asks for shows that it is there: the SOA, or a transfer.
func TestSecondaryAsks(t *testing.T) {
	r := newOutbound(t)
	var asked []string
	r.secondaryAsked = func(key string, from netip.Addr) { asked = append(asked, key+" "+from.String()) }
	f := newFederation(r)
	for _, m := range []*dns.Msg{new(dns.Msg).SetQuestion(testZone, dns.TypeSOA), new(dns.Msg).SetAxfr(testZone)} {
		m.SetTsig(secondaryKey.Name, secondaryKey.Algorithm, 300, time.Now().Unix())
		f.ServeDNS(t.Context(), &packetsTCP{}, m)
	}
	if got := strings.Join(asked, ", "); got != "secondary. 192.0.2.1, secondary. 192.0.2.1" {
		t.Errorf("have asked: %s", got)
	}
}

// CoreDNS's servers take NOTIFYs with news.
func TestNotifyIsAccepted(t *testing.T) {
	if dns.DefaultMsgAcceptFunc(dns.Header{Bits: dns.OpcodeNotify << 11, Qdcount: 1, Ancount: 6, Arcount: 1}) != dns.MsgAccept {
		t.Error("a NOTIFY with six answers is rejected")
	}
}
