package federation

import (
	"context"
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
	n := newNotifier(r, mustAddrPort(gone), secondaryKey)
	if n.tell(t.Context(), 1) || n.last != "unanswered" {
		t.Errorf("a dead secondary was told: %s", n.last)
	}
}

// A secondary that was away, and would be tried again in a minute, is told of
// changes as soon as it asks for anything itself: the SOA, or a transfer.
func TestNotifyWhoIsBack(t *testing.T) {
	t.Parallel()
	r := newOutward(t)
	addr := serveWith(t, r, secondaryKey)
	told := make(chan uint32, 10)
	s, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{PacketConn: s, TsigSecret: map[string]string{secondaryKey.Name: secondaryKey.Secret},
		MsgAcceptFunc: func(dns.Header) dns.MsgAcceptAction { return dns.MsgAccept },
		Handler: dns.HandlerFunc(func(w dns.ResponseWriter, m *dns.Msg) {
			told <- m.Answer[0].(*dns.SOA).Serial
			a := new(dns.Msg).SetReply(m)
			a.SetTsig(secondaryKey.Name, secondaryKey.Algorithm, 300, time.Now().Unix())
			w.WriteMsg(a)
		})}
	go server.ActivateAndServe()
	defer server.Shutdown()
	for i, ask := range []func(){
		func() { askTransfer(t, addr, new(dns.Msg).SetAxfr(testZone), secondaryKey) },
		func() {
			m := new(dns.Msg).SetQuestion(testZone, dns.TypeSOA)
			m.SetTsig(secondaryKey.Name, secondaryKey.Algorithm, 300, time.Now().Unix())
			c := &dns.Client{Net: "tcp", TsigSecret: map[string]string{secondaryKey.Name: secondaryKey.Secret}}
			if _, _, err := c.Exchange(m, addr); err != nil {
				t.Fatal(err)
			}
		},
	} {
		n := newNotifier(r, mustAddrPort(s.LocalAddr().String()), secondaryKey)
		n.wait = notifyLongest
		r.notifiers = []*notifier{n}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		before, bell := r.outward.Serial()
		go func() { n.run(ctx, before, bell); close(done) }()
		register(r, location.AOR(fmt.Sprint(3000+i)))
		await(t, func() error {
			if r.view.Serial() == before {
				return fmt.Errorf("the serial is still %d", before)
			}
			return nil
		})
		ask()
		select {
		case got := <-told:
			if want := r.view.Serial(); got != want {
				t.Errorf("told of %d, the serial is %d", got, want)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("request %d: not told within 10 s", i)
		}
		cancel()
		<-done
	}
}

// A request shows the secondary that it came from, or all that share the key
// where it came from another address.
func TestWhoIsShown(t *testing.T) {
	one, two := newNotifier(nil, mustAddrPort("192.0.2.1:53"), secondaryKey), newNotifier(nil, mustAddrPort("192.0.2.2:53"), secondaryKey)
	r := &Runtime{notifiers: []*notifier{one, two, newNotifier(nil, mustAddrPort("192.0.2.3:53"), testKey)}}
	for _, c := range []struct {
		key, from string
		want      [3]int
	}{
		{secondaryKey.Name, "192.0.2.1", [3]int{1, 0, 0}},
		{secondaryKey.Name, "192.0.2.9", [3]int{1, 1, 0}},
		{secondaryKey.Name, "192.0.2.3", [3]int{1, 1, 0}},
		{"other.", "192.0.2.1", [3]int{}},
	} {
		for range 3 {
			r.SecondaryAsked(c.key, netip.MustParseAddr(c.from))
		}
		var got [3]int
		for i, n := range r.notifiers {
			for got[i] = len(n.shown); len(n.shown) > 0; {
				<-n.shown
			}
		}
		if got != c.want {
			t.Errorf("%s from %s shows %v, want %v", c.key, c.from, got, c.want)
		}
	}
}

// CoreDNS's servers take NOTIFYs with news.
func TestNotifyIsAccepted(t *testing.T) {
	if dns.DefaultMsgAcceptFunc(dns.Header{Bits: dns.OpcodeNotify << 11, Qdcount: 1, Ancount: 6, Arcount: 1}) != dns.MsgAccept {
		t.Error("a NOTIFY with six answers is rejected")
	}
}
