package peer

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/primary"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/stream"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
)

var quiet = slog.New(slog.DiscardHandler)

// A change is there with the NOTIFY: nobody asks for it.
func TestNewsNeedsNoTransfer(t *testing.T) {
	a, b := newNode(t, "pbx-a", ""), newNode(t, "pbx-b", "")
	_, pulled, _ := a.follow(b, testKey)
	b.follow(a, testKey)
	a.level(b, pulled)
	announced(t, a, b, "first")
	asked := b.deltas.Load()
	for i := range 20 {
		b.register(fmt.Sprint(4000 + i))
		b.primary.Update(func(s *location.Store) []location.Change {
			return s.Remove(location.AOR(fmt.Sprint(4000+i-1)), location.PJSIP, fmt.Sprint("sip:", 4000+i-1))
		})
		a.level(b, pulled)
	}
	b.primary.SetNode(func(n *record.Node) { n.State = record.Draining })
	a.level(b, pulled)
	if n, _ := a.view.Home("pbx-b").Node(); n.State != record.Draining {
		t.Errorf("state is %q, want draining", n.State)
	}
	// A heartbeat may see a change before the NOTIFY is there.
	if n := b.deltas.Load() - asked; n > 20 {
		t.Errorf("%d IXFR for 41 changes, want none but by chance", n)
	}
}

// announced registers users at b until one arrives by NOTIFY alone, so that
// both have told each other of what there was before.
func announced(t *testing.T, a, b *node, name string) {
	deadline := time.Now().Add(10 * time.Second)
	for n := 0; ; n++ {
		asked := b.deltas.Load()
		b.register(fmt.Sprint(name, n))
		for a.view.Home(b.name).Version() != b.primary.Version() {
			if time.Now().After(deadline) {
				t.Fatalf("%s is not level with %s", a.name, b.name)
			}
			<-time.After(time.Millisecond)
		}
		if b.deltas.Load() == asked {
			return
		}
	}
}

// A node of before, which answers FORMERR, is told of changes all the same.
func TestNewsToAnOlderVersion(t *testing.T) {
	a, b := newNode(t, "pbx-a", ""), newNode(t, "pbx-b", "")
	a.old.Store(true)
	_, pulled, lost := a.follow(b, testKey)
	_, _, lostToo := b.follow(a, testKey)
	a.level(b, pulled)
	for i := range 20 {
		b.register(fmt.Sprint(4000 + i))
		a.level(b, pulled)
	}
	if b.deltas.Load() == 0 {
		t.Error("no IXFR: the changes have come in a NOTIFY")
	}
	for _, c := range []chan error{lost, lostToo} {
		select {
		case err := <-c:
			if !errors.Is(err, errSilent) { // on a machine without time for this process
				t.Errorf("connection lost: %v", err)
			}
		default:
		}
	}
}

// hinted returns the answer section of the NOTIFY that leads a from version told
// to what it has now.
func hinted(t testing.TB, a *primary.Primary, acked record.Version) []dns.RR {
	t.Helper()
	n, err := newNotice(a, origin, acked)
	if err != nil {
		t.Fatal(err)
	}
	m := new(dns.Msg)
	if err := m.Unpack(n.wire); err != nil {
		t.Fatal(err)
	}
	if n.more != (len(m.Answer) > 1) || m.Opcode != dns.OpcodeNotify || m.Question[0].Qtype != dns.TypeSOA {
		t.Fatalf("NOTIFY is %v, more: %v", m, n.more)
	}
	return m.Answer
}

// What may not be taken from a NOTIFY is asked for.
func TestNewsThatIsOnlyAHint(t *testing.T) {
	own := func(name string) *primary.Primary {
		v := view.New(view.Config{Origin: origin, Self: name, TTL: 5 * time.Second})
		return primary.New(primary.Config{Zone: v.Own(), Clock: location.NewClock(time.Now),
			Node: record.Node{Name: name, State: record.Up, Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}})
	}
	register := func(p *primary.Primary, users ...string) {
		for _, u := range users {
			p.Update(func(s *location.Store) []location.Change {
				return s.Register(location.Contact{AOR: location.AOR(u), Kind: location.PJSIP, URI: "sip:" + u})
			})
		}
	}
	b, other := own("pbx-b"), own("pbx-b")
	register(b, "1001")
	held := b.Version()
	_, node, all := b.Snapshot()
	register(b, "1002", "1003")
	register(other, "1002", "1003", "1004")
	good := hinted(t, b, held)
	at := func(ip string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: 40000} }
	for _, c := range []struct {
		name   string
		answer []dns.RR
		from   net.Addr
		taken  bool
	}{
		{"good", good, at("192.0.2.1"), true},
		{"good, IPv4 as IPv6", good, &net.TCPAddr{IP: net.ParseIP("::ffff:192.0.2.1")}, true},
		{"another address", good, at("192.0.2.9"), false},
		{"UDP", good, &net.UDPAddr{IP: net.ParseIP("192.0.2.1")}, false},
		{"SOA alone", good[:1], at("192.0.2.1"), false},
		{"cut short", good[:len(good)-1], at("192.0.2.1"), false},
		{"something behind", append(slices.Clone(good), good[0]), at("192.0.2.1"), false},
		{"from a later version", hinted(t, b, record.Version{Epoch: held.Epoch, Serial: held.Serial + 1}), at("192.0.2.1"), false},
		{"another epoch", hinted(t, other, record.Version{Epoch: other.Version().Epoch, Serial: held.Serial}), at("192.0.2.1"), false},
		{"no SOA first", good[2:], at("192.0.2.1"), false},
		{"nothing", nil, at("192.0.2.1"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := view.New(view.Config{Origin: origin, Self: "pbx-a", TTL: 5 * time.Second})
			home := v.Home("pbx-b")
			home.Replace(held, &node, all)
			p := New(Config{Node: "pbx-b", Addr: "192.0.2.1:53", Origin: origin, Home: home, Clock: location.NewClock(time.Now), Logger: quiet})
			p.HandleNotify(c.answer, c.from)
			if taken := home.Version() == b.Version(); taken != c.taken {
				t.Errorf("holds %v, want that it is taken: %v", home.Version(), c.taken)
			}
			if home.Len() != map[bool]int{true: 3, false: 1}[c.taken] {
				t.Errorf("%d bindings", home.Len())
			}
			asked := len(p.wake) + len(p.check)
			if c.taken && asked > 0 {
				t.Error("asks for what it has")
			}
			if !c.taken && asked != 1 {
				t.Errorf("asks %d times, want once", asked)
			}
		})
	}
}

// What is much, or long, is asked for.
func TestNewsIsShort(t *testing.T) {
	v := view.New(view.Config{Origin: origin, Self: "pbx-b", TTL: 5 * time.Second})
	b := primary.New(primary.Config{Zone: v.Own(), Clock: location.NewClock(time.Now), Node: record.Node{Name: "pbx-b", State: record.Up}})
	many := func(n int, target string) record.Version {
		before := b.Version()
		b.Publish(func(*location.Store, *location.Publications) (out []location.Change, err error) {
			for i := range n {
				x, err := location.Publish(location.Number, fmt.Sprintf("%d%d", b.Version().Serial, 1000+i), location.Details{Name: target})
				if err != nil {
					return nil, err
				}
				out = append(out, location.Change{New: x})
			}
			return out, nil
		})
		return before
	}
	if n := len(hinted(t, b, many(maxChanges-1, ""))); n != maxChanges-1+4 {
		t.Errorf("%d records for %d changes", n, maxChanges-1)
	}
	if n := len(hinted(t, b, many(maxChanges, ""))); n != 1 {
		t.Errorf("%d records for %d changes, want a SOA", n, maxChanges)
	}
	if n := len(hinted(t, b, many(maxChanges-1, strings.Repeat("x", 200)))); n != maxChanges-1+4 {
		t.Errorf("%d records for long ones", n)
	}
}

// Whatever a NOTIFY says, the view is at a version that a transfer could have
// brought, or where it was.
func FuzzNews(f *testing.F) {
	v := view.New(view.Config{Origin: origin, Self: "pbx-b", TTL: 5 * time.Second})
	b := primary.New(primary.Config{Zone: v.Own(), Clock: location.NewClock(time.Now), Node: record.Node{Name: "pbx-b", State: record.Up}})
	held := b.Version()
	for _, u := range []string{"1001", "alice.example", "+97231231001"} {
		b.Update(func(s *location.Store) []location.Change {
			return s.Register(location.Contact{AOR: location.AOR(u), Kind: location.PJSIP, URI: "sip:" + u})
		})
	}
	n, err := newNotice(b, origin, held)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(n.wire)
	f.Fuzz(func(t *testing.T, wire []byte) {
		m := new(dns.Msg)
		if m.Unpack(wire) != nil {
			return
		}
		home := view.New(view.Config{Origin: origin, Self: "pbx-a", TTL: 5 * time.Second}).Home("pbx-b")
		home.Replace(held, nil, nil)
		p := New(Config{Node: "pbx-b", Addr: "192.0.2.1:53", Origin: origin, Home: home, Clock: location.NewClock(time.Now), Logger: quiet})
		p.HandleNotify(m.Answer, &net.TCPAddr{IP: net.ParseIP("192.0.2.1")})
		if v := home.Version(); v.Epoch != held.Epoch {
			t.Errorf("at %v, was at %v", v, held)
		}
		if home.Version() == held && home.Len() > 0 {
			t.Errorf("%d bindings without a version", home.Len())
		}
	})
}

// A full transfer that was overtaken by a NOTIFY is followed by another.
func TestFullTransferOvertaken(t *testing.T) {
	home := view.New(view.Config{Origin: origin, Self: "pbx-a", TTL: 5 * time.Second}).Home("pbx-b")
	p := New(Config{Node: "pbx-b", Addr: "192.0.2.1:53", Origin: origin, Home: home, Clock: location.NewClock(time.Now), Logger: quiet})
	older, newer := record.Version{Epoch: "e", Serial: 7}, record.Version{Epoch: "e", Serial: 8}
	home.Replace(newer, nil, nil)
	p.reported(newer)
	p.take(&stream.Transfer{Full: true, Version: older})
	select {
	case <-p.wake:
	default:
		t.Errorf("at %v nobody asks for %v", home.Version(), newer)
	}
}

// Accept takes what package dns takes, and NOTIFYs with news.
func TestAccept(t *testing.T) {
	const notify, update = dns.OpcodeNotify << 11, dns.OpcodeUpdate << 11
	for _, c := range []struct {
		name string
		h    dns.Header
		want dns.MsgAcceptAction
	}{
		{"query", dns.Header{Qdcount: 1}, dns.MsgAccept},
		{"query with answers", dns.Header{Qdcount: 1, Ancount: 2, Arcount: 1}, dns.MsgReject},
		{"NOTIFY", dns.Header{Bits: notify, Qdcount: 1, Ancount: 1}, dns.MsgAccept},
		{"NOTIFY with news", dns.Header{Bits: notify, Qdcount: 1, Ancount: 802, Arcount: 1}, dns.MsgAccept},
		{"with too many", dns.Header{Bits: notify, Qdcount: 1, Ancount: 803, Arcount: 1}, dns.MsgReject},
		{"that cannot be signed", dns.Header{Bits: notify, Qdcount: 1, Ancount: 5}, dns.MsgReject},
		{"with an authority section", dns.Header{Bits: notify, Qdcount: 1, Ancount: 5, Nscount: 2, Arcount: 1}, dns.MsgReject},
		{"answer to it", dns.Header{Bits: 1<<15 | notify, Qdcount: 1, Ancount: 5, Arcount: 1}, dns.MsgIgnore},
		{"UPDATE", dns.Header{Bits: update, Qdcount: 1}, dns.MsgRejectNotImplemented},
	} {
		if got := Accept(c.h); got != c.want {
			t.Errorf("%s: action %d, want %d", c.name, got, c.want)
		}
	}
}
