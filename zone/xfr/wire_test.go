package xfr

import (
	"reflect"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/miekg/dns"
)

// transferMsg is one message of a transfer with n users, signed.
func transferMsg(tb testing.TB, n int, odd string) []byte {
	tb.Helper()
	apex := zone.HomeZone("pbx-a", origin)
	m := new(dns.Msg)
	m.SetQuestion(apex, dns.TypeAXFR)
	m.Response, m.Compress = true, true
	m.Answer = []dns.RR{zone.Version{Epoch: "e", Serial: 7}.SOA(apex, origin, 5), NS(apex, "pbx-a", origin, 5)}
	for i := range n {
		m.Answer = append(m.Answer, zone.TXT(location.Binding{AOR: user(i), Kind: location.PJSIP, Contact: location.ContactID(i), Stamp: location.Stamp(i)}, apex, 5))
	}
	if odd != "" {
		m.Answer = append(m.Answer, &dns.TXT{Hdr: dns.RR_Header{Name: "x." + apex, Rrtype: dns.TypeTXT, Class: dns.ClassINET}, Txt: []string{odd}})
	}
	m.SetTsig(testKey.Name, testKey.Algorithm, fudge, time.Now().Unix())
	wire, _, err := dns.TsigGenerate(m, testKey.Secret, "", false)
	if err != nil {
		tb.Fatal(err)
	}
	return wire
}

// What is read by the short way is what dns.Msg reads.
func TestUnpackIsMsgUnpack(t *testing.T) {
	for _, odd := range []string{"", "plain", `with "quotes" and \\`, "\\200\\000"} {
		wire := transferMsg(t, 300, odd)
		want := new(dns.Msg)
		if err := want.Unpack(wire); err != nil {
			t.Fatal(err)
		}
		got, err := unpack(wire)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("with %q: got\n%v\nwant\n%v", odd, got, want)
		}
		if _, short := unpackTransfer(wire); short != (odd == "" || odd == "plain") {
			t.Errorf("with %q: the short way was taken: %v", odd, short)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(transferMsg(f, 20, ""))
	f.Add(transferMsg(f, 20, `\"`))
	f.Fuzz(func(t *testing.T, wire []byte) {
		got, ok := unpackTransfer(wire)
		if !ok {
			return
		}
		want := new(dns.Msg)
		if err := want.Unpack(wire); err != nil {
			t.Fatalf("the short way reads what dns.Msg refuses: %v", err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got\n%#v\nwant\n%#v", got, want)
		}
	})
}

func BenchmarkUnpack(b *testing.B) {
	wire := transferMsg(b, 300, "")
	for b.Loop() {
		unpack(wire)
	}
}
