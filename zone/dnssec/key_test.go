package dnssec

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// TestRollover follows two signing keys through their times: both stand in the
// DNSKEY RRset around the change, one signs at a time (RFC 7583 §2.1).
func TestRollover(t *testing.T) {
	dir := t.TempDir()
	ksk := makeKey(t, dir, dns.ECDSAP256SHA256, 257)
	old := makeKey(t, dir, dns.ECDSAP256SHA256, 256, "Publish: 20261101000000", "Activate: 20261101000000",
		"Inactive: 20261124000000", "Delete: 20261126000000")
	young := makeKey(t, dir, dns.ED25519, 256, "Publish: 20261123000000", "Activate: 20261124000000")
	for _, c := range []struct {
		at        string
		published int
		signs     uint8
	}{
		{"2026-11-22T00:00:00Z", 2, dns.ECDSAP256SHA256},
		{"2026-11-23T12:00:00Z", 3, dns.ECDSAP256SHA256},
		{"2026-11-24T12:00:00Z", 3, dns.ED25519},
		{"2026-11-27T00:00:00Z", 2, dns.ED25519},
	} {
		now, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		r, err := ReadKeys([]string{ksk, old + ".key", young + ".private"}, origin, now)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(r.dnskeys(now)); n != c.published {
			t.Errorf("%s: %d keys published, want %d", c.at, n, c.published)
		}
		signers := r.signers(dns.TypeNAPTR, now)
		if len(signers) != 1 || signers[0].Algorithm != c.signs {
			t.Errorf("%s: signed by %v", c.at, signers)
		}
		for _, typ := range []uint16{dns.TypeDNSKEY, dns.TypeCDS} {
			if s := r.signers(typ, now); len(s) != 1 || !s[0].entry() {
				t.Errorf("%s: %s signed by %v", c.at, dns.Type(typ), s)
			}
		}
		if ds := r.children(dns.TypeCDS, now); len(ds) != 1 {
			t.Errorf("%s: %v", c.at, ds)
		}
	}
}

func TestBadKeys(t *testing.T) {
	dir := t.TempDir()
	good := makeKey(t, dir, dns.ECDSAP256SHA256, 257)
	change := func(file, old, new string) string {
		b, err := os.ReadFile(good + file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(b), old) {
			t.Fatalf("%s holds no %q", file, old)
		}
		base := makeKey(t, dir, dns.ECDSAP256SHA256, 257)
		for _, f := range []string{".key", ".private"} {
			c, err := os.ReadFile(good + f)
			if err != nil {
				t.Fatal(err)
			}
			if f == file {
				c = []byte(strings.Replace(string(c), old, new, 1))
			}
			if err := os.WriteFile(base+f, c, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return base
	}
	for want, files := range map[string][]string{
		"no such file":                      {dir + "/none"},
		"it is for the zone other.example.": {change(".key", "\nfed.example.", "\nother.example.")},
		"flags 1, protocol 3":               {change(".key", "257 3", "1 3")},
		"it is revoked":                     {change(".key", "257 3", "385 3")},
		"holds no DNSKEY record":            {change(".key", "\nfed.example.", "\nfed.example. 5 IN A 192.0.2.1 ;")},
		"the .private file does not belong": {change(".private", "PrivateKey", "Private")},
		"want YYYYMMDDHHMMSS":               {change(".private", "Private-key-format: v1.3", "Private-key-format: v1.3\nActivate: soon")},
		"no DNSSEC key is active now":       {change(".private", "Private-key-format: v1.3", "Private-key-format: v1.3\nActivate: 20990101000000")},
		"there is another with the tag":     {good, good},
	} {
		if _, err := ReadKeys(files, origin, start); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func FuzzKey(f *testing.F) {
	f.Add([]byte("fed.example. 5 IN DNSKEY 257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ=="),
		[]byte("Private-key-format: v1.3\nAlgorithm: 13 (ECDSAP256SHA256)\nPrivateKey: GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ=\nActivate: 20261123000000\n"))
	f.Fuzz(func(t *testing.T, public, private []byte) {
		k, err := parseKey(public, private, origin)
		if err != nil {
			return
		}
		r := Keyring{keys: []*Key{k}}
		r.dnskeys(start)
		r.children(dns.TypeCDS, start)
	})
}

func BenchmarkSign(b *testing.B) {
	rr, err := dns.NewRR(`1.0.0.1.e164.fed.example. 5 IN NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:1001@a.nodes.fed.example!" .`)
	if err != nil {
		b.Fatal(err)
	}
	t := new(testing.T)
	keys, err := ReadKeys([]string{makeKey(t, b.TempDir(), dns.ECDSAP256SHA256, 257)}, origin, start)
	if err != nil {
		b.Fatal(err)
	}
	s := New(origin, keys, func() time.Time { return start })
	for _, c := range []struct {
		name string
		sign func() error
	}{
		{"cached", func() error { _, err := s.sign([]dns.RR{rr}, start); return err }},
		{"fresh", func() error { _, err := fresh([]dns.RR{rr}, keys.keys[0], start); return err }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := c.sign(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
