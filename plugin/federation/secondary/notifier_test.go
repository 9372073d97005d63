package secondary

import (
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/tsig"
	"github.com/miekg/dns"
)

var (
	key   = &tsig.Key{Name: "secondary.", Algorithm: dns.HmacSHA256, Secret: "c2Vjb25kYXJ5c2Vjb25kYXJ5"}
	other = &tsig.Key{Name: "other.", Algorithm: dns.HmacSHA256, Secret: "b3RoZXJvdGhlcg=="}
)

// zone is a serial that a test sets.
type zone struct {
	mu     sync.Mutex
	serial uint32
	bell   chan struct{}
}

func (z *zone) Serial() (uint32, <-chan struct{}) {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.serial, z.bell
}

func (z *zone) set(serial uint32) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.serial = serial
	close(z.bell)
	z.bell = make(chan struct{})
}

func (z *zone) config(targets ...Target) Config {
	return Config{Origin: "fed.example.", Targets: targets, Serial: z.Serial, Logger: slog.New(slog.DiscardHandler), Count: func(string, string) {},
		SOA: func(serial uint32) *dns.SOA {
			return &dns.SOA{Hdr: dns.RR_Header{Name: "fed.example.", Rrtype: dns.TypeSOA, Class: dns.ClassINET}, Ns: "a.", Mbox: "b.", Serial: serial}
		}}
}

func newZone() *zone { return &zone{serial: 1, bell: make(chan struct{})} }

// secondary is a name server that answers NOTIFYs, and hands over the serials.
func secondary(t *testing.T) (netip.AddrPort, <-chan uint32) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serials, up := make(chan uint32, 100), make(chan struct{})
	s := &dns.Server{PacketConn: conn, TsigSecret: map[string]string{key.Name: key.Secret}, NotifyStartedFunc: func() { close(up) },
		MsgAcceptFunc: func(dns.Header) dns.MsgAcceptAction { return dns.MsgAccept },
		Handler: dns.HandlerFunc(func(w dns.ResponseWriter, m *dns.Msg) {
			soa, ok := m.Answer[0].(*dns.SOA)
			if m.Opcode != dns.OpcodeNotify || m.IsTsig() == nil || w.TsigStatus() != nil || !ok {
				t.Errorf("got %v", m)
				return
			}
			serials <- soa.Serial
			a := new(dns.Msg).SetReply(m)
			a.SetTsig(key.Name, key.Algorithm, tsig.Fudge, time.Now().Unix())
			w.WriteMsg(a)
		})}
	go s.ActivateAndServe()
	<-up
	t.Cleanup(func() { s.Shutdown() })
	return conn.LocalAddr().(*net.UDPAddr).AddrPort(), serials
}

// nobody is an address that nobody listens at.
func nobody(t *testing.T) netip.AddrPort {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

func next(t *testing.T, serials <-chan uint32, want uint32) {
	t.Helper()
	select {
	case got := <-serials:
		if got != want {
			t.Fatalf("notified of %d, want %d", got, want)
		}
	case <-time.After(10 * time.Second):
		t.Fatalf("not notified of %d within 10 s", want)
	}
}

// A secondary is notified of each new serial, signed. One that is dead keeps nobody
// from being notified.
func TestNotify(t *testing.T) {
	t.Parallel()
	at, serials := secondary(t)
	z := newZone()
	go New(z.config(Target{nobody(t), key}, Target{at, key})).Run(t.Context())
	for serial := range uint32(3) {
		z.set(serial + 2)
		next(t, serials, serial+2)
	}
	select {
	case serial := <-serials:
		t.Errorf("notified of %d once more", serial)
	default:
	}
}

// A secondary that does not answer is tried less and less often, once a minute at
// least.
func TestDeadSecondary(t *testing.T) {
	t.Parallel()
	z := newZone()
	c := z.config()
	var results []string
	c.Count = func(_, result string) { results = append(results, result) }
	n := newNotifier(&c, Target{nobody(t), key})
	if n.notify(t.Context(), 2) || len(results) != 1 || results[0] != "unanswered" {
		t.Errorf("results of NOTIFYs to nobody: %v", results)
	}
}

// A secondary that was away, and would be tried again in a minute, is notified of
// changes as soon as it asks for anything itself.
func TestWhoIsBack(t *testing.T) {
	t.Parallel()
	at, serials := secondary(t)
	z := newZone()
	all := New(z.config(Target{at, key}))
	all.list[0].wait = longest
	go all.Run(t.Context())
	z.set(2)
	all.Asked(other.Name, at.Addr())
	select {
	case serial := <-serials:
		t.Errorf("notified of %d although it has not asked", serial)
	case <-time.After(50 * time.Millisecond):
	}
	all.Asked(key.Name, at.Addr())
	next(t, serials, 2)
}

// A request is that of the secondary whose address it came from, or of all that share
// the key where it came from another address.
func TestWhoHasAsked(t *testing.T) {
	at := func(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }
	all := New(newZone().config(Target{at("192.0.2.1:53"), key}, Target{at("192.0.2.2:53"), key}, Target{at("192.0.2.3:53"), other}))
	for _, c := range []struct {
		key, from string
		want      [3]int
	}{
		{key.Name, "192.0.2.1", [3]int{1, 0, 0}},
		{key.Name, "192.0.2.9", [3]int{1, 1, 0}},
		{key.Name, "192.0.2.3", [3]int{1, 1, 0}},
		{"nobody.", "192.0.2.1", [3]int{}},
	} {
		for range 3 {
			all.Asked(c.key, netip.MustParseAddr(c.from))
		}
		var got [3]int
		for i, n := range all.list {
			for got[i] = len(n.asked); len(n.asked) > 0; {
				<-n.asked
			}
		}
		if got != c.want {
			t.Errorf("%s from %s is taken for %v, want %v", c.key, c.from, got, c.want)
		}
	}
}
