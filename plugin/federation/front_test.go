package federation

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/config"
	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/tsig"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"
)

// listening serves an authority as CoreDNS does, and returns its address, TCP and UDP.
func listening(t *testing.T, r *authority, before ...plugin.Plugin) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listeningOn(t, l, r, before...)
	return l.Addr().String()
}

func listeningOn(t *testing.T, l net.Listener, r *authority, before ...plugin.Plugin) {
	t.Helper()
	conf := &dnsserver.Config{Zone: r.cfg.Origin, Transport: "dns", TsigSecret: map[string]string{r.cfg.Key.Name: r.cfg.Key.Secret}}
	conf.AllowOpcode(dns.OpcodeUpdate)
	for _, p := range before {
		conf.AddPlugin(p)
	}
	conf.AddPlugin(func(next plugin.Handler) plugin.Handler {
		return newFederation(r)
	})
	standInFront(conf, r.cfg.Origin)
	s, err := dnsserver.NewServer("dns://127.0.0.1:53", []*dnsserver.Config{conf})
	if err != nil {
		t.Fatal(err)
	}
	p, err := net.ListenPacket("udp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	go s.ServePacket(p)
	t.Cleanup(func() { s.Stop() })
}

// closings is a listener that says when the server has closed a connection.
type closings struct {
	net.Listener
	closed chan struct{}
}

func (l *closings) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return &closing{c, l.closed}, err
}

type closing struct {
	net.Conn
	closed chan struct{}
}

func (c *closing) Close() error {
	c.closed <- struct{}{}
	return c.Conn.Close()
}

// crowd is a federation of so many nodes, with a user who is registered at all of
// them, and a prefix that a trunk of each serves.
func crowd(t *testing.T, nodes int) *authority { return crowdOf(t, nodes, "pbx-frankfurt-%03d", 4569) }

func crowdOf(t *testing.T, nodes int, name string, iax uint16) *authority {
	t.Helper()
	r := viewing(t, config.Config{Origin: diffOrigin, Node: fmt.Sprintf(name, 0), TTL: 5 * time.Second, Order: answer.Newest,
		Key: &tsig.Key{Name: "transfer.fed.example.", Algorithm: dns.HmacSHA256, Secret: "c2VjcmV0IHNlY3JldCBzZWNyZXQ="}})
	for i := range nodes {
		n := record.Node{State: record.Up, SIP: []record.Transport{{Proto: "udp", Port: 5060}, {Proto: "tcp", Port: 5060}}, IAX: iax, Addrs: []netip.Addr{
			netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", i+1))}}
		var list []location.Binding
		for _, b := range []struct {
			kind    location.Kind
			name    string
			details location.Details
		}{
			{location.Number, "97231231001", location.Details{Target: "1001", Name: "Alice Smith"}},
			{location.Prefix, "9723", location.Details{Target: "97231234567", Via: "berlin-carrier"}},
			{location.Trunk, "berlin-carrier", location.Details{}},
		} {
			p, err := location.Publish(b.kind, b.name, b.details)
			if err != nil {
				t.Fatal(err)
			}
			p.Stamp = location.Stamp(i + 1)
			list = append(list, p)
		}
		h := r.zone.Home(fmt.Sprintf(name, i))
		h.Replace(record.Version{Epoch: "e", Serial: 1}, &n, list)
	}
	r.zone.SetSettled(true)
	return r
}

// Asterisk reads 4,096 octets of an answer: what it receives over TCP must have no
// more, however many nodes there are.
func TestAnswersOverTCPFitAsterisk(t *testing.T) {
	for _, nodes := range []int{3, 10, 19, 50, 100, 150} {
		addr := listening(t, crowd(t, nodes))
		for _, q := range []struct {
			name  string
			qtype uint16
		}{
			{"", dns.TypeNAPTR}, {"", dns.TypeNS}, {"_sip._udp.", dns.TypeSRV}, {"_sip._tcp.", dns.TypeSRV}, {"_iax._udp.", dns.TypeSRV},
			{"1.0.0.1.3.2.1.3.2.7.9.e164.", dns.TypeNAPTR}, {"1.0.0.1.3.2.1.3.2.7.9.e164.", dns.TypeTXT},
			{"7.6.5.9.9.9.9.3.2.7.9.e164.", dns.TypeNAPTR}, {"berlin-carrier.trunks.", dns.TypeNAPTR}, {"_sip._udp.berlin-carrier.trunks.", dns.TypeSRV},
		} {
			m := new(dns.Msg)
			m.SetQuestion(q.name+diffOrigin, q.qtype)
			wire := exchangeTCP(t, addr, m)
			answer := new(dns.Msg)
			if err := answer.Unpack(wire); err != nil || len(answer.Answer) == 0 {
				t.Fatalf("%d nodes, %s %s: %v\n%v", nodes, q.name, dns.TypeToString[q.qtype], err, answer)
			}
			answer.Compress = true
			if len(wire) > 4000 || len(wire) != answer.Len() {
				t.Errorf("%d nodes, %s %s: %d records in %d octets, %d of them needed, want 4000 at most", nodes, q.name, dns.TypeToString[q.qtype],
					len(answer.Answer), len(wire), answer.Len())
			}
		}
	}
}

// A user's three homes fit 512 octets, as Asterisk asks over UDP: the way over TCP
// costs a round trip more.
func TestThreeHomesFitUDP(t *testing.T) {
	addr := listening(t, crowdOf(t, 3, "pbx-%03d", 0))
	c, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	m := new(dns.Msg)
	m.SetQuestion("1.0.0.1.3.2.1.3.2.7.9.e164."+diffOrigin, dns.TypeNAPTR)
	answer := new(dns.Msg)
	if err := answer.Unpack(ask(t, c, m)); err != nil || answer.Truncated || len(answer.Answer) != 6 {
		t.Errorf("%v\n%v", err, answer)
	}
}

// No answer over UDP is so large that it is fragmented on its way, whatever size a
// client offers.
func TestAnswersOverUDPAreNotFragmented(t *testing.T) {
	addr := listening(t, crowd(t, 50))
	c, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	m := new(dns.Msg)
	m.SetQuestion("_sip._udp."+diffOrigin, dns.TypeSRV)
	m.SetEdns0(4096, false)
	wire := ask(t, c, m)
	answer := new(dns.Msg)
	if err := answer.Unpack(wire); err != nil || !answer.Truncated || len(wire) > 1232 || answer.IsEdns0() == nil || answer.IsEdns0().UDPSize() != 1232 {
		t.Errorf("%d octets, %v, want 1232 at most\n%v", len(wire), err, answer)
	}
}

// ask sends one message over a datagram socket and returns the answer.
func ask(t *testing.T, c net.Conn, m *dns.Msg) []byte {
	t.Helper()
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, dns.MaxMsgSize)
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err = c.Write(b); err == nil {
		var n int
		n, err = c.Read(buf)
		buf = buf[:n]
	}
	if err != nil {
		t.Fatal(err)
	}
	return buf
}

func exchangeTCP(t *testing.T, addr string, m *dns.Msg) []byte {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if err := (&dns.Conn{Conn: c}).WriteMsg(m); err != nil {
		t.Fatal(err)
	}
	wire, err := (&dns.Conn{Conn: c}).ReadMsgHeader(nil)
	if err != nil {
		t.Fatal(err)
	}
	return wire
}

// A client that sends many queries and goes away before they are answered leaves no
// error to log, and what it sent is not worked off.
func TestClientThatGoesAway(t *testing.T) {
	const queries = 2000
	sent, seen := make(chan struct{}), make(chan error, queries)
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &closings{tcp, make(chan struct{}, 2)}
	listeningOn(t, l, crowd(t, 3), func(next plugin.Handler) plugin.Handler {
		return plugin.HandlerFunc(func(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
			<-sent
			rcode, err := next.ServeDNS(ctx, w, r)
			seen <- err
			return rcode, err
		})
	})
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	m := new(dns.Msg)
	m.SetQuestion("_sip._udp."+diffOrigin, dns.TypeSRV)
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	b = append([]byte{0, byte(len(b))}, b...)
	if _, err := c.Write(bytes.Repeat(b, queries)); err != nil {
		t.Fatal(err)
	}
	c.Close()
	close(sent)
	<-l.closed
	if n := len(seen); n > queries/10 {
		t.Errorf("%d of %d queries were answered for nobody", n, queries)
	}
	for len(seen) > 0 {
		if err := <-seen; err != nil {
			t.Fatalf("error to log: %v", err)
		}
	}
}

// A client that does not read is cut off; so is whoever answers it free again.
func TestClientThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := crowd(t, 3)
		f := &front{next: newFederation(r), origin: diffOrigin}
		w := &stuckWriter{closed: make(chan struct{})}
		m := new(dns.Msg)
		m.SetQuestion("_sip._udp."+diffOrigin, dns.TypeSRV)
		start := time.Now()
		f.ServeDNS(t.Context(), request.NewScrubWriter(m, w), m)
		if d := time.Since(start); d < writeStall || d > 2*writeStall {
			t.Errorf("cut off after %v, want about %v", d, writeStall)
		}
		r.stop()
	})
}

// A TSIG whose MAC has a size that none may have is FORMERR (RFC 8945 §5.2.2.1), and
// none costs a line in the log.
func TestSizesOfMAC(t *testing.T) {
	r := crowd(t, 3)
	var log bytes.Buffer
	addr := listening(t, r, func(next plugin.Handler) plugin.Handler {
		return plugin.HandlerFunc(func(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
			rcode, err := next.ServeDNS(ctx, w, r)
			if err != nil {
				fmt.Fprintln(&log, err)
			}
			return rcode, err
		})
	})
	c, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, opcode := range []int{dns.OpcodeQuery, dns.OpcodeNotify, dns.OpcodeUpdate} {
		for size, want := range map[int]int{0: dns.RcodeFormatError, 1: dns.RcodeFormatError, 9: dns.RcodeFormatError, 15: dns.RcodeFormatError,
			16: dns.RcodeNotAuth, 31: dns.RcodeNotAuth, 32: dns.RcodeNotAuth, 33: dns.RcodeFormatError, 64: dns.RcodeFormatError} {
			m := new(dns.Msg)
			m.SetQuestion(diffOrigin, dns.TypeSOA)
			m.Opcode = opcode
			m.Extra = append(m.Extra, &dns.TSIG{Hdr: dns.RR_Header{Name: r.cfg.Key.Name, Rrtype: dns.TypeTSIG, Class: dns.ClassANY},
				Algorithm: dns.HmacSHA256, Fudge: 300, TimeSigned: uint64(time.Now().Unix()), OrigId: m.Id,
				MAC: strings.Repeat("00", size), MACSize: uint16(size)})
			answer := new(dns.Msg)
			if err := answer.Unpack(ask(t, c, m)); err != nil || answer.Rcode != want {
				t.Errorf("%s, MAC of %d octets: %s, %v, want %s", dns.OpcodeToString[opcode], size, dns.RcodeToString[answer.Rcode], err, dns.RcodeToString[want])
			}
		}
	}
	if log.Len() > 0 {
		t.Errorf("logged: %s", log.String())
	}
}
