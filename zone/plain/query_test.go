package plain

import (
	"bytes"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func query(name string, qtype uint16, change func(*dns.Msg)) []byte {
	m := new(dns.Msg)
	m.SetQuestion(name, qtype)
	if change != nil {
		change(m)
	}
	b, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return b
}

func edns(size uint16, do bool) func(*dns.Msg) {
	return func(m *dns.Msg) { m.SetEdns0(size, do) }
}

func option(o dns.EDNS0) func(*dns.Msg) {
	return func(m *dns.Msg) { m.SetEdns0(1232, false); m.IsEdns0().Option = []dns.EDNS0{o} }
}

var queries = []struct {
	name  string
	b     []byte
	plain bool
}{
	{"number", query("4.3.2.1.e164.fed.example.", dns.TypeNAPTR, nil), true},
	{"case", query("_SIP._udp.Alice.users.FED.example.", dns.TypeSRV, nil), true},
	{"root", query(".", dns.TypeNS, nil), true},
	{"longest name", query(strings.Repeat("a.", 127), dns.TypeA, nil), true},
	{"longest label", query(strings.Repeat("a", 63)+".", dns.TypeA, nil), true},
	{"EDNS", query("fed.example.", dns.TypeSOA, edns(1232, false)), true},
	{"cookie", query("fed.example.", dns.TypeSOA, option(&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0011223344556677"})), true},
	{"DO", query("fed.example.", dns.TypeSOA, edns(1232, true)), false},
	{"NSID", query("fed.example.", dns.TypeSOA, option(&dns.EDNS0_NSID{Code: dns.EDNS0NSID})), false},
	{"other type", query("fed.example.", dns.TypeMX, nil), false},
	{"ANY", query("fed.example.", dns.TypeANY, nil), false},
	{"other class", query("fed.example.", dns.TypeTXT, func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }), false},
	{"escaped", query(`a\.b.fed.example.`, dns.TypeA, nil), false},
	{"response", query("fed.example.", dns.TypeA, func(m *dns.Msg) { m.Response = true }), false},
	{"UPDATE", query("fed.example.", dns.TypeSOA, func(m *dns.Msg) { m.Opcode = dns.OpcodeUpdate }), false},
	{"two questions", query("fed.example.", dns.TypeA, func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) }), false},
	{"EDNS 1", query("fed.example.", dns.TypeA, func(m *dns.Msg) { m.SetEdns0(1232, false); m.IsEdns0().SetVersion(1) }), false},
	{"TSIG", query("fed.example.", dns.TypeA, func(m *dns.Msg) { m.SetTsig("k.", dns.HmacSHA256, 300, 1) }), false},
	{"something behind", append(query("fed.example.", dns.TypeA, nil), 0), false},
	{"pointer", append(query("fed.example.", dns.TypeA, nil)[:12], 0xc0, 12, 0, 1, 0, 1), false},
}

func TestParse(t *testing.T) {
	var q Query
	for _, c := range queries {
		if got := q.Parse(c.b); got != c.plain {
			t.Errorf("%s: plain is %v, want %v", c.name, got, c.plain)
		}
		for n := range c.b {
			if c.plain && q.Parse(c.b[:n]) {
				t.Errorf("%s: plain though it is cut to %d octets", c.name, n)
			}
		}
	}
	if n := testing.AllocsPerRun(100, func() { q.Parse(queries[0].b) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// What is read as a plain query is read the same way by miekg/dns.
func FuzzParse(f *testing.F) {
	for _, c := range queries {
		f.Add(c.b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var q Query
		if !q.Parse(b) {
			return
		}
		m := new(dns.Msg)
		if err := m.Unpack(b); err != nil {
			t.Fatalf("plain, but: %v", err)
		}
		if len(m.Question) != 1 || len(m.Answer)+len(m.Ns) != 0 || m.Response || m.Opcode != 0 || m.IsTsig() != nil {
			t.Fatalf("plain, but: %v", m)
		}
		x := m.Question[0]
		if q.ID != m.Id || q.Type != x.Qtype || x.Qclass != dns.ClassINET || q.Name() != strings.ToLower(x.Name) {
			t.Fatalf("%q %d is %v", q.Name(), q.Type, m)
		}
		o := m.IsEdns0()
		if q.EDNS != (o != nil) || o != nil && (o.UDPSize() != q.Size || o.Do() || o.Version() != 0) {
			t.Fatalf("EDNS %v %d is %v", q.EDNS, q.Size, m)
		}
		head := q.AppendHead(nil, 1<<15)
		r := new(dns.Msg)
		r.SetReply(m)
		if want, err := r.Pack(); err != nil || !bytes.Equal(head, want) {
			t.Fatalf("head is %x, want %x, %v", head, want, err)
		}
	})
}
