package conformance

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// patience is how long an answer may take on a busy machine, silence how long
// none must come where none is due.
const (
	patience = 10 * time.Second
	silence  = 300 * time.Millisecond
)

// raw sends octets over UDP and returns the answer, nil if none comes in time.
func raw(t *testing.T, octets []byte, wait time.Duration) []byte {
	t.Helper()
	c, err := net.Dial("udp", server)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write(octets); err != nil {
		t.Fatal(err)
	}
	c.SetReadDeadline(time.Now().Add(wait))
	b := make([]byte, 65535)
	n, err := c.Read(b)
	if err != nil {
		return nil
	}
	return b[:n]
}

// packed is a question for the user 1001, changed by f before it is packed.
func packed(t *testing.T, f func(*dns.Msg)) []byte {
	t.Helper()
	m := new(dns.Msg)
	m.SetQuestion("1001.users."+origin, dns.TypeNAPTR)
	if f != nil {
		f(m)
	}
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// pointer is a question whose name is a compression pointer to itself.
func pointer(t *testing.T) []byte {
	return append(packed(t, nil)[:12], 0xc0, 12, 0, 35, 0, 1)
}

// label64 is a question with a label that is too long.
func label64(t *testing.T) []byte {
	b := append(packed(t, nil)[:12], 64)
	b = append(b, bytes.Repeat([]byte("a"), 64)...)
	return append(b, 0, 0, 35, 0, 1)
}

// TestOddMessages puts questions that are none.
func TestOddMessages(t *testing.T) {
	cut := func(n int) []byte { b := packed(t, nil); return b[:n] }
	flags := func(or byte) []byte { b := packed(t, nil); b[2] |= or; return b }
	for _, c := range []struct {
		why   string
		sent  []byte
		rcode int // -1 for no answer
	}{
		{"RFC 1035 §4.1.1: a plain question, for comparison", packed(t, nil), dns.RcodeSuccess},
		{"RFC 1035 §4.1.1: a response is not answered", flags(0x80), -1},
		{"RFC 1035 §4.1.1: half a header", cut(7), -1},
		{"RFC 1035 §4.1.2: half a question", cut(20), dns.RcodeFormatError},
		{"RFC 1035 §4.1.1: opcode STATUS", flags(2 << 3), dns.RcodeNotImplemented},
		{"RFC 1035 §4.1.1: an opcode that nobody knows", flags(9 << 3), dns.RcodeNotImplemented},
		{"RFC 9619 §4: two questions", packed(t, func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) }), dns.RcodeFormatError},
		{"RFC 9619 §4: no question", packed(t, func(m *dns.Msg) { m.Question = nil }), dns.RcodeFormatError},
		{"RFC 2136 §3.3: an unsigned UPDATE", packed(t, func(m *dns.Msg) {
			m.SetUpdate("pbx-a.homes." + origin)
			rr, _ := dns.NewRR("555.users.pbx-a.homes." + origin + ` 5 IN TXT "k=user"`)
			m.Insert([]dns.RR{rr})
		}), dns.RcodeRefused},
		{"RFC 1996 §3.10: an unsigned NOTIFY", packed(t, func(m *dns.Msg) { m.SetNotify("pbx-b.homes." + origin) }), dns.RcodeRefused},
		{"RFC 6891 §6.1.3: EDNS of a later version", packed(t, func(m *dns.Msg) {
			m.SetEdns0(1232, false)
			m.IsEdns0().SetVersion(1)
		}), dns.RcodeBadVers},
		{"RFC 6891 §6.1.1: two OPT", packed(t, func(m *dns.Msg) { m.SetEdns0(1232, false).SetEdns0(512, false) }), dns.RcodeFormatError},
		{"RFC 1035 §4.1.4: a name that points to itself", pointer(t), dns.RcodeFormatError},
		{"RFC 1035 §2.3.4: a label of 64 octets", label64(t), dns.RcodeFormatError},
		{"RFC 6891 §6.1.2: an option that nobody knows", packed(t, func(m *dns.Msg) {
			m.SetEdns0(1232, false)
			o := m.IsEdns0()
			o.Option = append(o.Option, &dns.EDNS0_LOCAL{Code: 65001, Data: []byte("x")})
		}), dns.RcodeSuccess},
	} {
		t.Run(c.why, func(t *testing.T) {
			if c.rcode < 0 {
				if got := raw(t, c.sent, silence); got != nil {
					t.Fatalf("answered: %x", got)
				}
				return
			}
			got := raw(t, c.sent, patience)
			m := new(dns.Msg)
			if err := m.Unpack(got); err != nil {
				t.Fatalf("no answer, or no message: %v (%x)", err, got)
			}
			if m.Rcode != c.rcode {
				t.Errorf("%s, want %s", dns.RcodeToString[m.Rcode], dns.RcodeToString[c.rcode])
			}
			if o := m.IsEdns0(); o != nil && len(o.Option) > 0 {
				t.Errorf("options that nobody knows here come back: %v", o)
			}
			if m.Id != binary.BigEndian.Uint16(c.sent) || !m.Response {
				t.Errorf("id %d response %v: not an answer to the question", m.Id, m.Response)
			}
		})
	}
}

// TestSizes: what leaves over UDP is never longer than the asker takes (RFC
// 1035 §4.2.1, RFC 6891 §6.2.3), and what Asterisk gets never longer than its
// buffer of 4096 octets, in which the best-ranked records stand.
func TestSizes(t *testing.T) {
	for _, size := range []uint16{0, 512, 700, 1232, 4096, 65535} {
		for _, name := range []string{"1.0.0.1", "0.1.0.0.5.5.5", "0.8.0.0.5.5.5"} {
			q := new(dns.Msg)
			q.SetQuestion(name+".e164."+origin, dns.TypeNAPTR)
			if size > 0 {
				q.SetEdns0(size, false)
			}
			b, _ := q.Pack()
			got := raw(t, b, patience)
			if limit := int(max(size, 512)); len(got) == 0 || len(got) > limit || len(got) > 4096 {
				t.Errorf("%s with %d: %d octets", name, size, len(got))
			}
		}
	}
	r := exchange(t, question(t, "0.8.0.0.5.5.5.e164 NAPTR"), how{tcp: true})
	r.Compress = true
	b, err := r.Pack()
	if err != nil || len(b) > 4096 || len(b) < 3000 || r.Truncated || r.Answer[0].(*dns.NAPTR).Preference != 10 {
		t.Errorf("over TCP: %d octets, TC %v, %v", len(b), r.Truncated, err)
	}
	for i, rr := range r.Answer[1:] {
		if rr.(*dns.NAPTR).Preference < r.Answer[i].(*dns.NAPTR).Preference {
			t.Errorf("record %d ranks before the one above it", i+1)
		}
	}
}

// TestTCPKeepsOpen: several questions over one connection, sent at once and in
// pieces (RFC 7766 §6.2.1.1, §8).
func TestTCPKeepsOpen(t *testing.T) {
	c, err := net.Dial("tcp", server)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	var out []byte
	want := map[uint16]bool{}
	for range 20 {
		b := packed(t, nil)
		out = append(binary.BigEndian.AppendUint16(out, uint16(len(b))), b...)
		want[binary.BigEndian.Uint16(b)] = true
	}
	for len(out) > 0 {
		n := min(len(out), 33)
		if _, err := c.Write(out[:n]); err != nil {
			t.Fatal(err)
		}
		out = out[n:]
	}
	for len(want) > 0 {
		var size [2]byte
		if _, err := io.ReadFull(c, size[:]); err != nil {
			t.Fatalf("%d answers are missing: %v", len(want), err)
		}
		b := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(c, b); err != nil {
			t.Fatal(err)
		}
		delete(want, binary.BigEndian.Uint16(b))
	}
}
