package tsig

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"github.com/miekg/dns"
)

var testKey = &Key{Name: "transfer.", Algorithm: dns.HmacSHA256, Secret: "c2VjcmV0c2VjcmV0c2VjcmV0"}

// answered returns a signed answer to a request, with the request's MAC.
func answered(t testing.TB, code uint16, at time.Time) (wire []byte, request []byte) {
	q := new(dns.Msg).SetQuestion("pbx-a.homes.fed.example.", dns.TypeSOA)
	c, err := New(testKey, nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := q.Pack()
	if err != nil {
		t.Fatal(err)
	}
	c.Sign(raw, at)
	m := new(dns.Msg).SetReply(q)
	if code != 0 {
		m.Rcode = dns.RcodeNotAuth
	}
	m.SetTsig(testKey.Name, testKey.Algorithm, Fudge, at.Unix())
	if rr := m.IsTsig(); code == dns.RcodeBadTime {
		rr.Error, rr.OtherLen, rr.OtherData = code, 6, "000070dbd880" // 2030
	}
	wire, _, err = dns.TsigGenerate(m, testKey.Secret, hexOf(c.mac), false)
	if err != nil {
		t.Fatal(err)
	}
	return wire, c.mac
}

func hexOf(b []byte) string {
	const digits = "0123456789abcdef"
	var out []byte
	for _, c := range b {
		out = append(out, digits[c>>4], digits[c&15])
	}
	return string(out)
}

// Whatever comes in: only what was signed for this very request is taken, as it
// was signed, or moves the clock.
func FuzzVerify(f *testing.F) {
	at := time.Unix(1_700_000_000, 0)
	plain, mac := answered(f, 0, at)
	late, _ := answered(f, dns.RcodeBadTime, at)
	f.Add(plain)
	f.Add(late)
	off, _ := lastRecord(plain)
	f.Fuzz(func(t *testing.T, wire []byte) {
		if len(wire) < HeaderSize || len(wire) > dns.MaxMsgSize {
			return
		}
		c, err := New(testKey, mac)
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.Verify(bytes.Clone(wire), at)
		var b TimeError
		switch {
		case errors.As(err, &b) && b.Theirs.Unix() != 0x70dbd880:
			t.Errorf("%x tells %v, which nobody signed", wire, b.Theirs)
		case err == nil && (len(got) != off || !bytes.Equal(got[HeaderSize:], plain[HeaderSize:off])):
			t.Errorf("%x was taken, which nobody signed", wire)
		}
	})
}

// The time of the server stands in its BADTIME answer.
func TestServerTime(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	wire, mac := answered(t, dns.RcodeBadTime, now)
	c, err := New(testKey, mac)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Verify(wire, now)
	var late TimeError
	if !errors.As(err, &late) || late.Theirs.Unix() != 0x70dbd880 || !errors.Is(err, dns.ErrTime) {
		t.Errorf("got %v", err)
	}
}

// was altered on the way neither takes.
func TestChain(t *testing.T) {
	now := time.Now()
	for alg := range algorithms {
		key := &Key{Name: "a.key.", Algorithm: algorithms[alg], Secret: testKey.Secret}
		m := new(dns.Msg)
		m.SetQuestion("x.fed.example.", dns.TypeSOA)
		wire, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		c, err := New(key, nil)
		if err != nil {
			t.Fatal(err)
		}
		signed := c.Sign(wire, now)
		if err := dns.TsigVerify(bytes.Clone(signed), key.Secret, "", false); err != nil {
			t.Errorf("%s: request: %v", alg, err)
		}
		mac, timers := hex.EncodeToString(c.mac), false
		for i := range 3 { // answers, each on top of the one before
			r := new(dns.Msg).SetReply(m)
			r.Answer = []dns.RR{&dns.SOA{Hdr: dns.RR_Header{Name: "x.fed.example.", Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: 5}, Ns: "a.fed.example.", Mbox: "b.fed.example.", Serial: uint32(i)}}
			r.SetTsig(key.Name, key.Algorithm, Fudge, now.Unix())
			wire, next, err := dns.TsigGenerate(r, key.Secret, mac, timers)
			if err != nil {
				t.Fatal(err)
			}
			for _, at := range []int{5, len(wire) / 3, len(wire) - 25} {
				bad, other := bytes.Clone(wire), *c
				if bad[at] ^= 1; at == 5 {
					bad[2] ^= 1
					bad[5] ^= 1
				}
				if _, err := other.Verify(bad, now); err == nil {
					t.Errorf("%s: answer %d altered at %d was taken", alg, i, at)
				}
			}
			if _, err := (&Chain{}).Verify(wire[:len(wire)-1], now); err == nil {
				t.Errorf("%s: answer %d cut short was taken", alg, i)
			}
			late := *c
			if _, err := late.Verify(bytes.Clone(wire), now.Add(2*Fudge*time.Second)); !errors.Is(err, dns.ErrTime) {
				t.Errorf("%s: answer %d ten minutes later: %v, want %v", alg, i, err, dns.ErrTime)
			}
			if _, err := c.Verify(wire, now); err != nil {
				t.Errorf("%s: answer %d: %v", alg, i, err)
			}
			mac, timers = next, true
		}
	}
}
