package fastpath

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
)

// chain is the only plugin of a block: it refuses whatever reaches it.
type chain struct{}

func (chain) Name() string { return "chain" }
func (chain) ServeDNS(_ context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	return dns.RcodeSuccess, w.WriteMsg(new(dns.Msg).SetRcode(r, dns.RcodeRefused))
}

// coredns serves one block on a free port, with sockets of ours beside its own, and
// returns its address and what closes ours.
func coredns(t *testing.T, addr string, off bool) (at string, closeOurs func() error) {
	t.Helper()
	conf := &dnsserver.Config{Zone: origin, Transport: "dns", ListenHosts: []string{"127.0.0.1"}}
	conf.AddPlugin(func(plugin.Handler) plugin.Handler { return chain{} })
	s, err := dnsserver.NewServer("dns://"+addr, []*dnsserver.Config{conf})
	if err != nil {
		t.Fatal(err)
	}
	l, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	at = l.Addr().String()
	s.Addr = "dns://" + at
	p, err := s.ListenPacket()
	if err != nil {
		t.Fatal(err)
	}
	_, conf.Port, _ = net.SplitHostPort(at)
	v := answer.New(answer.Config{}, view.New(view.Config{Origin: origin, Self: "pbx-a", TTL: 5 * time.Second}))
	path := &Path{Off: off, Conf: conf, All: func() []*dnsserver.Config { return []*dnsserver.Config{conf} }, Plugin: "chain", Origin: origin, MaxUDP: 1232,
		Zone:     func() *answer.Zone { return v },
		Requests: prometheus.NewCounter(prometheus.CounterOpts{Name: "requests"}), Logger: slog.New(slog.DiscardHandler)}
	ours := &sockets{path: path}
	ours.decorate(s)
	go s.Serve(l)
	go s.ServePacket(p)
	t.Cleanup(func() {
		ours.close()
		s.Stop()
	})
	return at, ours.close
}

// An empty ZONEVERSION option (RFC 9660) is no reason to refuse a query, over UDP and
// TCP, nor are others beside it.
func TestZoneVersionIsTolerated(t *testing.T) {
	at, _ := coredns(t, "127.0.0.1:0", false)
	for _, network := range []string{"udp", "tcp"} {
		for name, options := range map[string][]dns.EDNS0{
			"alone":  {&dns.EDNS0_LOCAL{Code: 19}},
			"first":  {&dns.EDNS0_LOCAL{Code: 19}, &dns.EDNS0_LOCAL{Code: 65001, Data: []byte{0, 19, 0, 0}}},
			"last":   {&dns.EDNS0_LOCAL{Code: 65001, Data: []byte{0, 19, 0, 0}}, &dns.EDNS0_LOCAL{Code: 19}},
			"twice":  {&dns.EDNS0_LOCAL{Code: 19}, &dns.EDNS0_LOCAL{Code: 19}},
			"absent": nil,
		} {
			m := new(dns.Msg)
			m.SetQuestion("1001.users."+origin, dns.TypeNAPTR)
			m.SetEdns0(1232, true)
			m.IsEdns0().Option = options
			answer, _, err := (&dns.Client{Net: network}).Exchange(m, at)
			if err != nil || answer.Rcode != dns.RcodeRefused {
				t.Errorf("%s, %s: %v, %v", network, name, err, answer)
			}
		}
	}
}

// FuzzWithoutZoneVersion: whatever arrives, a message that miekg/dns reads keeps its
// meaning, and one with an empty ZONEVERSION can be read afterwards.
func FuzzWithoutZoneVersion(f *testing.F) {
	m := new(dns.Msg)
	m.SetQuestion("1001.users."+origin, dns.TypeNAPTR)
	m.SetEdns0(1232, true)
	for range 3 {
		b, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		m.IsEdns0().Option = append(m.IsEdns0().Option, &dns.EDNS0_LOCAL{Code: 19})
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		before := new(dns.Msg)
		readable := before.Unpack(b) == nil
		b = withoutZoneVersion(b)
		after := new(dns.Msg)
		if err := after.Unpack(b); readable && (err != nil || after.String() != before.String()) {
			t.Fatalf("%v\nbefore %v\nafter  %v", err, before, after)
		}
	})
}

// A client has as many connections as it may, and no more; others are not affected, and
// one that is closed makes room.
func TestConnectionsOfOneClient(t *testing.T) {
	at, _ := coredns(t, "127.0.0.1:0", false)
	dial := func(from string) net.Conn {
		t.Helper()
		d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(from), 0)), Timeout: 5 * time.Second}
		c, err := d.Dial("tcp", at)
		if errors.Is(err, syscall.ECONNRESET) {
			return nil // cut off before the dial has returned
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	served := func(c net.Conn) bool {
		t.Helper()
		if c == nil {
			return false
		}
		m := new(dns.Msg)
		m.SetQuestion("1001.users."+origin, dns.TypeNAPTR)
		c.SetDeadline(time.Now().Add(5 * time.Second))
		d := &dns.Conn{Conn: c}
		err := d.WriteMsg(m)
		if err == nil {
			_, err = d.ReadMsg()
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		}
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
			t.Fatal(err)
		}
		return err == nil
	}
	var open []net.Conn
	for range maxPerAddress {
		c := dial("127.0.0.1")
		if !served(c) {
			t.Fatalf("connection %d is not served", len(open))
		}
		open = append(open, c)
	}
	if served(dial("127.0.0.1")) {
		t.Errorf("%d connections of one client are served", len(open)+1)
	}
	if !served(dial("127.0.0.2")) {
		t.Error("another client is not served")
	}
	open[0].Close()
	for deadline := time.Now().Add(5 * time.Second); !served(dial("127.0.0.1")); {
		if time.Now().After(deadline) {
			t.Fatal("a closed connection makes no room")
		}
	}
}

// The other nodes of a large federation may all be behind one NAT address: each keeps a
// connection, and transfers over a second one when it starts.
func TestConnectionsOfManyNodesBehindOneAddress(t *testing.T) {
	const nodes = 200
	at, _ := coredns(t, "127.0.0.1:0", false)
	m := new(dns.Msg)
	m.SetQuestion("1001.users."+origin, dns.TypeNAPTR)
	for i := range 2 * nodes {
		c, err := dns.DialTimeout("tcp", at, 5*time.Second)
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		defer c.Close()
		if _, _, err := (&dns.Client{Net: "tcp", Timeout: 5 * time.Second}).ExchangeWithConn(m, c); err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
	}
}

// A query that takes long at one socket, such as a transfer, does not use up the time that
// queries at other sockets have to end.
func TestSocketsEndTogether(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	slow := &dns.Server{Handler: dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
		close(asked)
		<-answer
		w.WriteMsg(new(dns.Msg).SetReply(r))
	})}
	var err error
	if slow.Listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	quick := &dns.Server{}
	if quick.PacketConn, err = net.ListenPacket("udp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	s := &sockets{opened: []*dns.Server{slow, quick}}
	ended := make(chan struct{})
	for _, o := range s.opened {
		up := make(chan struct{})
		o.NotifyStartedFunc = func() { close(up) }
		go func() {
			o.ActivateAndServe()
			if o == quick {
				close(ended)
			}
		}()
		<-up
	}
	m := new(dns.Msg)
	m.SetQuestion("1001.users."+origin, dns.TypeNAPTR)
	answered := make(chan error, 1)
	go func() {
		_, _, err := (&dns.Client{Net: "tcp", Timeout: 10 * time.Second}).Exchange(m, slow.Listener.Addr().String())
		answered <- err
	}()
	<-asked
	closed := make(chan error, 1)
	go func() { closed <- s.close() }()
	select {
	case <-ended:
	case <-time.After(grace / 2):
		t.Error("a socket waits for a query at another one")
	}
	close(answer)
	if err := <-answered; err != nil {
		t.Errorf("the slow query: %v", err)
	}
	if err := <-closed; err != nil {
		t.Errorf("close: %v", err)
	}
}

// The sockets of a new configuration take over those of the old one; once the last are
// closed, CoreDNS's own get everything.
func TestSocketsAreHandedOn(t *testing.T) {
	at, first := coredns(t, "127.0.0.1:0", false)
	ask := func() {
		t.Helper()
		for _, network := range []string{"udp", "tcp"} {
			m := new(dns.Msg)
			m.SetQuestion("1001.users."+origin, dns.TypeNAPTR)
			if answer, _, err := (&dns.Client{Net: network}).Exchange(m, at); err != nil || answer.Rcode != dns.RcodeRefused {
				t.Fatalf("%s: %v, %v", network, err, answer)
			}
		}
	}
	ask()
	waiting, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer waiting.Close()
	if err := first(); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		ask()
	}
}
