package stream

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/tsig"
	"github.com/miekg/dns"
)

// transferMsg is one message of a transfer with n users, signed.
func transferMsg(tb testing.TB, n int, odd string) []byte {
	tb.Helper()
	apex := record.HomeZone("pbx-a", origin)
	m := new(dns.Msg)
	m.SetQuestion(apex, dns.TypeAXFR)
	m.Response, m.Compress = true, true
	m.Answer = []dns.RR{record.Version{Epoch: "e", Serial: 7}.SOA(apex, origin, 5), NS(apex, "pbx-a", origin, 5)}
	for i := range n {
		m.Answer = append(m.Answer, record.TXT(location.Binding{AOR: user(i), Kind: location.PJSIP, Contact: location.ContactID(i), Stamp: location.Stamp(i)}, apex, 5))
	}
	if odd != "" {
		m.Answer = append(m.Answer, &dns.TXT{Hdr: dns.RR_Header{Name: "x." + apex, Rrtype: dns.TypeTXT, Class: dns.ClassINET}, Txt: []string{odd}})
	}
	m.SetTsig(testKey.Name, testKey.Algorithm, tsig.Fudge, time.Now().Unix())
	wire, _, err := dns.TsigGenerate(m, testKey.Secret, "", false)
	if err != nil {
		tb.Fatal(err)
	}
	return wire
}

// slowly reads a message as package dns does.
func slowly(r *Reader, wire []byte) error {
	m := new(dns.Msg)
	if err := m.Unpack(wire); err != nil {
		return err
	}
	for _, rr := range m.Answer {
		if _, err := r.add(rr); err != nil {
			return err
		}
	}
	return nil
}

// What is read off the octets is what package dns reads.
func TestMessageIsMsgUnpack(t *testing.T) {
	apex := record.HomeZone("pbx-a", origin)
	for _, odd := range []string{"", "plain", `with "quotes" and \\`, "\\200\\000"} {
		wire := transferMsg(t, 300, odd)
		want, got := &Reader{apex: apex}, &Reader{apex: apex}
		if err := slowly(want, wire); err != nil {
			t.Fatal(err)
		}
		if n, err := got.Message(wire); err != nil || n < 300 {
			t.Fatalf("%d records, %v", n, err)
		}
		if !reflect.DeepEqual(got.t, want.t) || got.n != want.n {
			t.Errorf("with %q: got\n%v\nwant\n%v", odd, got, want)
		}
	}
	wire := transferMsg(t, 300, "")
	if n := testing.AllocsPerRun(10, func() { (&Reader{apex: apex}).Message(wire) }); n > 2*300 {
		t.Errorf("%v allocations for 300 registrations: some were read the long way", n)
	}
}

func FuzzMessage(f *testing.F) {
	f.Add(transferMsg(f, 20, ""))
	f.Add(transferMsg(f, 20, `\"`))
	f.Add(transferMsg(f, 0, "x"))
	for _, b := range [][]location.Binding{{}, {{AOR: "Alice", Kind: location.IAX2, Contact: 5}, {AOR: "users.x", Kind: location.SIP, Contact: 7, Stamp: 9}, {AOR: "users", Kind: location.SIP, Contact: 7}}} {
		written(f, canned{version: record.Version{Epoch: "e", Serial: 9}, all: b}, nil, nil, func(wire []byte) { f.Add(bytes.Clone(wire)) })
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		if len(wire) < tsig.HeaderSize || len(wire) > dns.MaxMsgSize {
			return
		}
		for _, held := range []*record.Version{nil, {Epoch: "e", Serial: 6}} {
			apex := record.HomeZone("pbx-a", origin)
			want, got := &Reader{apex: apex, held: held}, &Reader{apex: apex, held: held}
			if slowly(want, wire) != nil {
				got.Message(wire) // whatever it says, it says without a panic
				continue
			}
			if _, err := got.Message(wire); errors.Is(err, errMessage) {
				continue // package dns takes questions and records that end early
			} else if err != nil {
				t.Fatalf("refused what package dns takes: %v", err)
			}
			want.t.FirstRefused, got.t.FirstRefused = nil, nil
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got\n%#v\nwant\n%#v", got, want)
			}
		}
	})
}

func BenchmarkMessage(b *testing.B) {
	wire := transferMsg(b, 300, "")
	b.ReportAllocs()
	for b.Loop() {
		(&Reader{apex: record.HomeZone("pbx-a", origin)}).Message(wire)
	}
}
