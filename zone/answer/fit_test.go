package answer

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/miekg/dns"
)

// Asterisk reads 4096 octets at most: what is more is cut at the far end.
func TestAnswerFitsAsterisk(t *testing.T) {
	v := newTestView(t, Newest)
	aor := strings.Repeat("a", 60)
	for i := range 60 {
		h := v.Home(fmt.Sprintf("pbx-%02d", i))
		node := record.Node{State: record.Up, SIP: []record.Transport{{Proto: "udp", Port: 5060}}, IAX: 4569}
		h.Apply(record.Version{Epoch: "e", Serial: 1}, &node, []location.Change{bind(aor, uint64(i+1), uint64(i+1))})
	}
	r := v.Lookup(aor+".users."+origin, dns.TypeNAPTR)
	m := new(dns.Msg)
	m.SetQuestion(aor+".users."+origin, dns.TypeNAPTR)
	m.Answer, m.Compress = r.Answer, true
	if m.Len() > 4096 || m.Len() < 3000 {
		t.Errorf("answer has %d octets, want nearly 4096", m.Len())
	}
	if first := r.Answer[0].(*dns.NAPTR).Regexp; !strings.Contains(first, "@pbx-59.") {
		t.Errorf("first record is %s, want the newest home", first)
	}
	if v.Trimmed() != 1 {
		t.Errorf("Trimmed is %d, want 1", v.Trimmed())
	}
}

// So it is with SRV and TXT, whose targets and texts are not compressed.
func TestEveryRRsetFitsAsterisk(t *testing.T) {
	v := newTestView(t, Newest)
	for i := range 150 {
		h := v.Home(fmt.Sprintf("pbx-in-a-city-%03d", i))
		node := record.Node{State: record.Up, SIP: []record.Transport{{Proto: "udp", Port: 5060}}, Addrs: []netip.Addr{
			netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", i+1))}}
		b, err := location.Publish(location.User, "queue", location.Details{Name: fmt.Sprintf("%050d", i)})
		if err != nil {
			t.Fatal(err)
		}
		b.Stamp = location.Stamp(i + 1)
		h.Apply(record.Version{Epoch: "e", Serial: 1}, &node, []location.Change{{New: b}})
	}
	for i, q := range []struct {
		name  string
		qtype uint16
	}{{"_sip._udp", dns.TypeSRV}, {"_sip._udp.queue.users", dns.TypeSRV}, {"queue.users", dns.TypeTXT}, {"queue.users", dns.TypeNAPTR}} {
		r := v.Lookup(q.name+"."+origin, q.qtype)
		m := new(dns.Msg)
		m.SetQuestion(q.name+"."+origin, q.qtype)
		m.Answer, m.Extra, m.Compress = r.Answer, r.Extra, true
		if m.Len() > 4096 || m.Len() < 2800 {
			t.Errorf("%s: answer has %d octets, want nearly 4096", q.name, m.Len())
		}
		if v.Trimmed() != int64(i+1) {
			t.Errorf("%s: Trimmed is %d, want %d", q.name, v.Trimmed(), i+1)
		}
	}
	best := v.Lookup("_sip._udp.queue.users."+origin, dns.TypeSRV).Answer[0].(*dns.SRV)
	if best.Target != "pbx-in-a-city-149.nodes."+origin {
		t.Errorf("first target is %s, want the newest home", best.Target)
	}
}

// Where there is room for some addresses only, those of the best nodes stand
// there, each node's all or none.
func TestGlueFitsAsterisk(t *testing.T) {
	v := newTestView(t, Newest)
	for i := range 60 {
		node := record.Node{State: record.Up, SIP: []record.Transport{{Proto: "udp", Port: 5060}}, Addrs: []netip.Addr{
			netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", i+1))}}
		v.Home(fmt.Sprintf("pbx-%02d", i)).Apply(record.Version{Epoch: "e", Serial: 1}, &node, nil)
	}
	r := v.Lookup("_sip._udp."+origin, dns.TypeSRV)
	if len(r.Answer) != 63 || len(r.Extra) == 0 || len(r.Extra)%2 != 0 || v.Trimmed() != 0 {
		t.Fatalf("%d records, %d addresses, %d trimmed", len(r.Answer), len(r.Extra), v.Trimmed())
	}
	for i, rr := range r.Extra {
		if target := r.Answer[i/2].(*dns.SRV).Target; rr.Header().Name != target {
			t.Errorf("address %d is of %s, want %s", i, rr.Header().Name, target)
		}
	}
}
