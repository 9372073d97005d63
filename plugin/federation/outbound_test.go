package federation

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/config"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/outbound"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/tsig"
	"github.com/coredns/coredns/plugin/test"
	"github.com/miekg/dns"
)

var secondaryKey = &tsig.Key{Name: "secondary.", Algorithm: dns.HmacSHA256, Secret: "c2Vjb25kYXJ5c2Vjb25kYXJ5"}

// newOutbound returns a settled authority whose zone others may transfer, and
// that goes on by itself.
func newOutbound(t testing.TB, addrs ...string) *authority {
	t.Helper()
	r := newTestAuthority(t, "pbx-a")
	s := config.Secondary{Key: secondaryKey}
	for _, a := range addrs {
		s.Addrs = append(s.Addrs, mustAddrPort(a))
	}
	r.cfg.Secondaries = []config.Secondary{s}
	r.outbound = outbound.Open(outbound.Config{View: r.zone, Followed: true, Logger: slog.New(slog.DiscardHandler)})
	r.run(func() { r.outbound.Run(r.ctx) })
	r.notifySecondaries()
	r.zone.SetSettled(true)
	r.primary.SetNode(func(n *record.Node) { n.SIP = []record.Transport{{Proto: "udp", Port: 5060}} })
	register(r, "1001")
	return r
}

func register(r *authority, user location.AOR) {
	r.primary.Update(func(s *location.Store) []location.Change {
		return s.Register(location.Contact{AOR: user, Kind: location.PJSIP, URI: "sip:x"})
	})
}

// askTransfer sends a request over TCP, signed with a key if there is one, and returns
// the rcode and all records of the answer.
func askTransfer(t *testing.T, addr string, m *dns.Msg, key *tsig.Key) (string, []dns.RR) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	c := &dns.Conn{Conn: conn}
	defer c.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	if key != nil {
		c.TsigSecret = map[string]string{key.Name: key.Secret}
		m.SetTsig(key.Name, key.Algorithm, 300, time.Now().Unix())
	}
	if m.Question[0].Qtype != dns.TypeAXFR && m.Question[0].Qtype != dns.TypeIXFR {
		t.Fatal("no transfer")
	}
	tr := &dns.Transfer{Conn: c, TsigSecret: c.TsigSecret}
	in, err := tr.In(m, addr)
	if err != nil {
		t.Fatal(err)
	}
	var all []dns.RR
	for e := range in {
		if e.Error != nil {
			return e.Error.Error(), nil
		}
		all = append(all, e.RR...)
	}
	return "NOERROR", all
}

func TestTransferOfTheFederationZone(t *testing.T) {
	t.Parallel()
	r := newOutbound(t)
	r.cfg.Key = testKey
	addr := serveWith(t, r, testKey, secondaryKey, &tsig.Key{Name: "other.", Algorithm: dns.HmacSHA256, Secret: "b3RoZXI="})
	axfr := func(apex string) *dns.Msg { return new(dns.Msg).SetAxfr(apex) }
	for _, c := range []struct {
		name string
		m    *dns.Msg
		key  *tsig.Key
		want string
	}{
		{"unsigned", axfr(testZone), nil, "bad xfr rcode: 5"},
		{"a key that opens nothing", axfr(testZone), &tsig.Key{Name: "other.", Algorithm: dns.HmacSHA256, Secret: "b3RoZXI="}, "bad xfr rcode: 5"},
		{"not the apex", axfr("users." + testZone), secondaryKey, "bad xfr rcode: 5"},
		{"the secondary's key", axfr(testZone), secondaryKey, "NOERROR"},
		{"the transfer key", axfr(testZone), testKey, "NOERROR"},
	} {
		rcode, rrs := askTransfer(t, addr, c.m, c.key)
		if !strings.Contains(rcode, c.want) {
			t.Errorf("%s: %s, want %s", c.name, rcode, c.want)
		}
		if has := slices.ContainsFunc(rrs, func(rr dns.RR) bool { return strings.HasPrefix(rr.String(), "1001.users."+testZone) }); has != (c.want == "NOERROR") {
			t.Errorf("%s: %v", c.name, rrs)
		}
	}
	soa := r.zone.SOA(r.zone.Serial())
	register(r, "1002")
	await(t, func() error {
		if r.zone.Serial() == soa.Serial {
			return fmt.Errorf("the serial is still %d", soa.Serial)
		}
		return nil
	})
	_, rrs := askTransfer(t, addr, new(dns.Msg).SetIxfr(testZone, soa.Serial, soa.Ns, soa.Mbox), secondaryKey)
	if len(rrs) < 5 || rrs[1].Header().Rrtype != dns.TypeSOA || rrs[1].(*dns.SOA).Serial != soa.Serial {
		t.Errorf("IXFR: %v", rrs)
	}
	r.zone.SetSettled(false)
	if rcode, _ := askTransfer(t, addr, axfr(testZone), secondaryKey); !strings.Contains(rcode, "bad xfr rcode: 2") {
		t.Errorf("unsettled: %s, want SERVFAIL", rcode)
	}
}

// Over UDP an IXFR is answered with the SOA (RFC 1995 §2), an AXFR refused; and
// transfers beyond what is bearable are told to come again.
func TestTransferElsewise(t *testing.T) {
	r := newOutbound(t)
	f := newFederation(r)
	w := new(packets)
	soa := r.zone.SOA(1)
	ixfr := new(dns.Msg).SetIxfr(testZone, 1, soa.Ns, soa.Mbox)
	f.outbound(w, ixfr, testZone, secondaryKey.Name)
	if len(w.last.Answer) != 1 || w.last.Answer[0].(*dns.SOA).Serial != r.zone.Serial() {
		t.Errorf("IXFR over UDP: %v", w.last)
	}
	ixfr.Ns[0].Header().Name = "other.example."
	f.outbound(w, ixfr, testZone, secondaryKey.Name)
	if w.last.Rcode != dns.RcodeFormatError {
		t.Errorf("IXFR without the zone's SOA: %v", w.last)
	}
	ixfr.Ns[0].Header().Name = testZone
	f.outbound(w, new(dns.Msg).SetAxfr(testZone), testZone, secondaryKey.Name)
	if w.last.Rcode != dns.RcodeRefused {
		t.Errorf("AXFR over UDP: %v", w.last)
	}
	for range maxTransfers {
		f.transfers <- struct{}{}
	}
	f.outbound(&w.tcp, ixfr, testZone, secondaryKey.Name)
	if w.tcp.last.Rcode != dns.RcodeServerFailure {
		t.Errorf("one too many: %v", w.tcp.last)
	}
}

// FuzzTransfer: whatever a request holds, the answer is a transfer that begins
// and ends with the SOA, or an rcode.
func FuzzTransfer(f *testing.F) {
	r := newOutbound(f)
	soa := r.zone.SOA(r.zone.Serial())
	for _, m := range []*dns.Msg{new(dns.Msg).SetAxfr(testZone), new(dns.Msg).SetIxfr(testZone, soa.Serial, soa.Ns, soa.Mbox),
		new(dns.Msg).SetIxfr(testZone, 0, "x.", "y."), new(dns.Msg).SetIxfr("x."+testZone, 0, "x.", "y.")} {
		m.SetEdns0(1232, true)
		wire, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(wire)
	}
	fed := newFederation(r)
	f.Fuzz(func(t *testing.T, wire []byte) {
		m := new(dns.Msg)
		if m.Unpack(wire) != nil || len(m.Question) != 1 {
			return
		}
		m.Question[0].Qtype = dns.TypeIXFR + m.Question[0].Qtype&1
		var w packets
		rcode, err := fed.outbound(&w.tcp, m, strings.ToLower(m.Question[0].Name), secondaryKey.Name)
		if err != nil {
			t.Fatal(err)
		}
		all := w.tcp.all
		switch {
		case len(all) == 0 && rcode == dns.RcodeSuccess && w.tcp.last.Rcode == dns.RcodeSuccess:
			t.Fatal("neither rcode nor records")
		case len(all) > 0 && (all[0].Header().Rrtype != dns.TypeSOA || all[len(all)-1].Header().Rrtype != dns.TypeSOA):
			t.Fatalf("from %v to %v", all[0], all[len(all)-1])
		}
	})
}

// packets takes answers, over UDP or TCP.
type packets struct {
	test.ResponseWriter
	last *dns.Msg
	tcp  packetsTCP
}

type packetsTCP struct {
	test.ResponseWriter
	last *dns.Msg
	all  []dns.RR
}

func (w *packetsTCP) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1} }

func (w *packetsTCP) WriteMsg(m *dns.Msg) error {
	w.last, w.all = m, append(w.all, m.Answer...)
	return nil
}

func (w *packets) WriteMsg(m *dns.Msg) error {
	w.last = m
	return nil
}

func (w *packetsTCP) Write(wire []byte) (int, error) {
	m := new(dns.Msg)
	if err := m.Unpack(wire); err != nil {
		return 0, err
	}
	return len(wire), w.WriteMsg(m)
}

// serveWith is serve for several keys.
func serveWith(t *testing.T, r *authority, keys ...*tsig.Key) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	secrets := map[string]string{}
	for _, k := range keys {
		secrets[k.Name] = k.Secret
	}
	f, up := newFederation(r), make(chan struct{})
	s := &dns.Server{Listener: l, TsigSecret: secrets, NotifyStartedFunc: func() { close(up) },
		Handler: dns.HandlerFunc(func(w dns.ResponseWriter, m *dns.Msg) {
			if rcode, err := f.ServeDNS(context.Background(), w, m); rcode != dns.RcodeSuccess && err == nil {
				w.WriteMsg(new(dns.Msg).SetRcode(m, rcode)) // as the server does
			}
		})}
	go s.ActivateAndServe()
	<-up
	t.Cleanup(func() { s.Shutdown() })
	return l.Addr().String()
}
