package xfr

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// answered returns a signed answer to a request, with the request's MAC.
func answered(t testing.TB, code uint16, at time.Time) (wire []byte, request []byte) {
	q := new(dns.Msg).SetQuestion("pbx-a.homes.fed.example.", dns.TypeSOA)
	c, err := newChain(testKey, nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := q.Pack()
	if err != nil {
		t.Fatal(err)
	}
	c.sign(raw, at)
	m := new(dns.Msg).SetReply(q)
	if code != 0 {
		m.Rcode = dns.RcodeNotAuth
	}
	m.SetTsig(testKey.Name, testKey.Algorithm, fudge, at.Unix())
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
		if len(wire) < headerSize || len(wire) > dns.MaxMsgSize {
			return
		}
		c, err := newChain(testKey, mac)
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.verify(bytes.Clone(wire), at)
		var b badTime
		switch {
		case errors.As(err, &b) && b.theirs.Unix() != 0x70dbd880:
			t.Errorf("%x tells %v, which nobody signed", wire, b.theirs)
		case err == nil && (len(got) != off || !bytes.Equal(got[headerSize:], plain[headerSize:off])):
			t.Errorf("%x was taken, which nobody signed", wire)
		}
	})
}

func TestServerTimeIsLearnt(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	wire, mac := answered(t, dns.RcodeBadTime, now)
	c, err := newChain(testKey, mac)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.verify(wire, now)
	var late badTime
	if !errors.As(err, &late) || late.theirs.Unix() != 0x70dbd880 || !errors.Is(err, dns.ErrTime) {
		t.Fatalf("got %v", err)
	}
	s := &skewed{now: func() time.Time { return now }}
	if err := s.learn(late.theirs); !errors.Is(err, ErrClock) || s.time() != late.theirs {
		t.Errorf("learnt %v: %v", s.time(), err)
	}
	if s.learn(now.Add(time.Minute)); s.time() != now {
		t.Errorf("a minute off: %v, want the own clock", s.time())
	}
}
