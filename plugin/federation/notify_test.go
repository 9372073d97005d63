package federation

import (
	"fmt"
	"net"
	"net/netip"
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

// TestNotify: a secondary is told of each new serial, signed; one that is dead
// is tried seldom, and keeps nobody from being told.
func TestNotify(t *testing.T) {
	t.Parallel()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := dead.LocalAddr().String()
	dead.Close()
	var told atomic.Uint32
	var count, bad atomic.Int32
	up := make(chan struct{})
	s := &dns.Server{PacketConn: conn, TsigSecret: map[string]string{secondaryKey.Name: secondaryKey.Secret}, NotifyStartedFunc: func() { close(up) },
		MsgAcceptFunc: func(dns.Header) dns.MsgAcceptAction { return dns.MsgAccept },
		Handler: dns.HandlerFunc(func(w dns.ResponseWriter, m *dns.Msg) {
			soa, ok := m.Answer[0].(*dns.SOA)
			if m.Opcode != dns.OpcodeNotify || m.IsTsig() == nil || w.TsigStatus() != nil || !ok {
				bad.Add(1)
				return
			}
			told.Store(soa.Serial)
			count.Add(1)
			a := new(dns.Msg).SetReply(m)
			a.SetTsig(secondaryKey.Name, secondaryKey.Algorithm, 300, time.Now().Unix())
			w.WriteMsg(a)
		})}
	go s.ActivateAndServe()
	<-up
	defer s.Shutdown()
	r := newOutward(t, conn.LocalAddr().String(), gone)
	for i := range 2 {
		await(t, func() error {
			if got, want := told.Load(), r.view.Serial(); got != want || i == 0 && got == 0 {
				return fmt.Errorf("told of %d, the serial is %d", got, want)
			}
			return nil
		})
		before := r.view.Serial()
		for j := range 20 { // one NOTIFY for all
			register(r, location.AOR(fmt.Sprint(2000+100*i+j)))
		}
		await(t, func() error {
			if r.view.Serial() == before {
				return fmt.Errorf("the serial is still %d", before)
			}
			return nil
		})
	}
	if n := count.Load(); n > 4 || bad.Load() > 0 {
		t.Errorf("%d NOTIFYs and %d bad ones for three serials", n, bad.Load())
	}
	n := &notifier{r: r, addr: mustAddrPort(gone), key: secondaryKey}
	if n.tell(t.Context(), 1) || n.last != "unanswered" {
		t.Errorf("a dead secondary was told: %s", n.last)
	}
}
