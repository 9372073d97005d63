package dnssec

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

const origin = "fed.example."

var start = time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)

// makeKey writes a key pair as dnssec-keygen does, with the lines that its
// times are.
func makeKey(t *testing.T, dir string, alg uint8, flags uint16, times ...string) string {
	t.Helper()
	k := &dns.DNSKEY{Hdr: dns.RR_Header{Name: origin, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 5},
		Flags: flags, Protocol: 3, Algorithm: alg}
	bits := map[uint8]int{dns.ECDSAP256SHA256: 256, dns.ED25519: 256, dns.RSASHA256: 1024}[alg]
	priv, err := k.Generate(bits)
	if err != nil {
		t.Fatal(err)
	}
	base := filepath.Join(dir, "K"+origin+"+"+string('0'+rune(alg/10))+string('0'+rune(alg%10))+"+"+time.Now().Format("150405.000000000"))
	public := "; This is a key, keyid 1, for fed.example.\n" + k.String() + "\n"
	private := k.PrivateKeyString(priv) + strings.Join(times, "\n") + "\n"
	for name, text := range map[string]string{base + ".key": public, base + ".private": private} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return base
}

// zoneOf makes a small zone out of lines; the types function of it.
func zoneOf(t *testing.T, lines ...string) (map[string][]dns.RR, Types) {
	t.Helper()
	zone := map[string][]dns.RR{}
	for _, l := range lines {
		rr, err := dns.NewRR(l)
		if err != nil {
			t.Fatal(err)
		}
		zone[rr.Header().Name] = append(zone[rr.Header().Name], rr)
	}
	return zone, func(name string) (out []uint16, exists bool) {
		for owner, rrs := range zone {
			exists = exists || dns.IsSubDomain(name, owner)
			for _, rr := range rrs {
				if owner == name {
					out = append(out, rr.Header().Rrtype)
				}
			}
		}
		slices.Sort(out)
		return slices.Compact(out), exists
	}
}

const soa = "fed.example. 5 IN SOA a.nodes.fed.example. hostmaster.fed.example. 1 60 10 604800 5"

var lines = []string{soa, "fed.example. 5 IN NS a.nodes.fed.example.",
	`1.0.0.1.e164.fed.example. 5 IN NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:1001@a.nodes.fed.example!" .`,
	`1.0.0.1.e164.fed.example. 5 IN NAPTR 100 20 "u" "E2U+pjsip" "!^.*$!sip:1001@a.nodes.fed.example!" .`,
	`1.0.0.1.e164.fed.example. 5 IN TXT "Alice"`, "a.nodes.fed.example. 5 IN A 192.0.2.1"}

// reply is the unsigned answer of a plain authoritative server.
func reply(t *testing.T, zone map[string][]dns.RR, types Types, qname string, qtype uint16) *dns.Msg {
	q := new(dns.Msg)
	q.SetQuestion(qname, qtype)
	m := new(dns.Msg)
	m.SetReply(q)
	m.Authoritative = true
	name := dns.CanonicalName(qname)
	for _, rr := range zone[name] {
		if rr.Header().Rrtype == qtype {
			rr = dns.Copy(rr)
			rr.Header().Name = qname
			m.Answer = append(m.Answer, rr)
		}
	}
	if len(m.Answer) == 0 {
		rr, err := dns.NewRR(soa)
		if err != nil {
			t.Fatal(err)
		}
		m.Ns = []dns.RR{rr}
		if _, exists := types(name); !exists {
			m.Rcode = dns.RcodeNameError
		}
	}
	return m
}

func newSigner(t *testing.T, now func() time.Time, files ...string) *Signer {
	t.Helper()
	keys, err := ReadKeys(files, origin, now())
	if err != nil {
		t.Fatal(err)
	}
	return New(origin, keys, now)
}

// verify checks every RRset of the answer and authority sections.
func verify(t *testing.T, s *Signer, m *dns.Msg, now time.Time) {
	t.Helper()
	for _, section := range [][]dns.RR{m.Answer, m.Ns} {
		for rest := section; len(rest) > 0; {
			set := rrset(rest)
			rest = rest[len(set):]
			if set[0].Header().Rrtype == dns.TypeRRSIG || set[0].Header().Rrtype == dns.TypeNS && set[0].Header().Name != origin {
				continue
			}
			good := 0
			for _, rr := range section {
				sig, ok := rr.(*dns.RRSIG)
				if !ok || sig.TypeCovered != set[0].Header().Rrtype || !strings.EqualFold(sig.Hdr.Name, set[0].Header().Name) {
					continue
				}
				for _, k := range s.keys.Load().keys {
					if k.tag == sig.KeyTag && sig.Verify(k.DNSKEY, set) == nil && sig.ValidityPeriod(now) {
						good++
					}
				}
			}
			if good == 0 {
				t.Errorf("%s has no good signature", set[0])
			}
		}
	}
}

func TestSign(t *testing.T) {
	zone, types := zoneOf(t, lines...)
	for _, alg := range []uint8{dns.ECDSAP256SHA256, dns.ED25519, dns.RSASHA256} {
		s := newSigner(t, func() time.Time { return start }, makeKey(t, t.TempDir(), alg, 257))
		for _, c := range []struct {
			name   string
			typ    uint16
			co     bool
			rcode  int
			answer int
			bitmap string
		}{
			{"1.0.0.1.e164.fed.example.", dns.TypeNAPTR, false, dns.RcodeSuccess, 3, ""},
			{"1.0.0.1.E164.Fed.example.", dns.TypeNAPTR, false, dns.RcodeSuccess, 3, ""},
			{"1.0.0.1.e164.fed.example.", dns.TypeA, false, dns.RcodeSuccess, 0, "TXT NAPTR RRSIG NSEC"},
			{"0.0.1.e164.fed.example.", dns.TypeNAPTR, false, dns.RcodeSuccess, 0, "RRSIG NSEC"},
			{"2.e164.fed.example.", dns.TypeNAPTR, false, dns.RcodeSuccess, 0, "RRSIG NSEC NXNAME"},
			{"2.e164.fed.example.", dns.TypeNAPTR, true, dns.RcodeNameError, 0, "RRSIG NSEC NXNAME"},
			{"fed.example.", dns.TypeA, false, dns.RcodeSuccess, 0, "NS SOA RRSIG NSEC DNSKEY CDS CDNSKEY"},
			{"fed.example.", dns.TypeSOA, false, dns.RcodeSuccess, 2, ""},
			{"fed.example.", dns.TypeDNSKEY, false, dns.RcodeSuccess, 2, ""},
			{"fed.example.", dns.TypeCDS, false, dns.RcodeSuccess, 2, ""},
			{"fed.example.", dns.TypeCDNSKEY, false, dns.RcodeSuccess, 2, ""},
			{"1.0.0.1.e164.fed.example.", dns.TypeNSEC, false, dns.RcodeSuccess, 2, ""},
			{"2.e164.fed.example.", dns.TypeNSEC, false, dns.RcodeSuccess, 2, ""},
			{"1.0.0.1.e164.fed.example.", dns.TypeRRSIG, false, dns.RcodeSuccess, 1, ""},
			{"1.0.0.1.e164.fed.example.", dns.TypeNXNAME, false, dns.RcodeFormatError, 0, ""},
		} {
			m := reply(t, zone, types, c.name, c.typ)
			opt := new(dns.OPT)
			if c.co {
				opt.Hdr.Ttl = compactOK
			}
			s.Own(m, types)
			if m.Rcode != dns.RcodeFormatError {
				if err := s.Sign(m, types, opt); err != nil {
					t.Fatal(err)
				}
			}
			what := c.name + " " + dns.Type(c.typ).String()
			if m.Rcode != c.rcode || len(m.Answer) != c.answer {
				t.Errorf("%s: %s, %d records, want %s, %d\n%v", what, dns.RcodeToString[m.Rcode], len(m.Answer), dns.RcodeToString[c.rcode], c.answer, m)
			}
			verify(t, s, m, start)
			got := ""
			for _, rr := range m.Ns {
				if n, ok := rr.(*dns.NSEC); ok {
					for _, x := range n.TypeBitMap {
						got += " " + dns.Type(x).String()
					}
					if n.Hdr.Ttl != 5 || n.NextDomain != `\000.`+n.Hdr.Name {
						t.Errorf("%s: %s", what, n)
					}
				}
			}
			if strings.TrimSpace(got) != c.bitmap {
				t.Errorf("%s: NSEC has %s, want %s", what, got, c.bitmap)
			}
			if _, err := m.Pack(); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
}

// TestReferral: the name servers of a delegation are not signed, and it is
// shown that there is no DS (RFC 4035 §3.1.4.1).
func TestReferral(t *testing.T) {
	_, types := zoneOf(t, lines...)
	s := newSigner(t, func() time.Time { return start }, makeKey(t, t.TempDir(), dns.ECDSAP256SHA256, 257))
	m := new(dns.Msg)
	m.SetQuestion("1.5.4.2.7.9.e164.fed.example.", dns.TypeNAPTR)
	ns, err := dns.NewRR("5.4.2.7.9.e164.fed.example. 5 IN NS ns.other.example.")
	if err != nil {
		t.Fatal(err)
	}
	m.Ns = []dns.RR{ns}
	if err := s.Sign(m, types, nil); err != nil {
		t.Fatal(err)
	}
	verify(t, s, m, start)
	if len(m.Ns) != 3 || m.Ns[1].Header().Rrtype != dns.TypeNSEC || slices.Contains(m.Ns[1].(*dns.NSEC).TypeBitMap, dns.TypeDS) {
		t.Errorf("%v", m)
	}
}

// TestSignaturesAreShared: equal questions at once cost one signature, which
// lasts until the keys or the time ask for another.
func TestSignaturesAreShared(t *testing.T) {
	zone, types := zoneOf(t, lines...)
	now := start
	s := newSigner(t, func() time.Time { return now }, makeKey(t, t.TempDir(), dns.ECDSAP256SHA256, 257))
	ask := func(name string) {
		m := reply(t, zone, types, name, dns.TypeNAPTR)
		slices.Reverse(m.Answer) // the order does not matter
		if err := s.Sign(m, types, nil); err != nil {
			t.Fatal(err)
		}
		verify(t, s, m, now)
	}
	ask("1.0.0.1.e164.fed.example.")
	for range 20 {
		ask("1.0.0.1.E164.fed.EXAMPLE.")
	}
	if asked, made := s.Stats(); asked != 21 || made != 1 {
		t.Errorf("%d asked, %d made", asked, made)
	}
	now = now.Add(quantum)
	ask("1.0.0.1.e164.fed.example.")
	if _, made := s.Stats(); made != 2 {
		t.Errorf("%d made after %v", made, quantum)
	}
}

func TestNext(t *testing.T) {
	for name, want := range map[string]string{"a.example.": `\000.a.example.`, ".": `\000.`} {
		if got := next(name); got != want {
			t.Errorf("next(%s) = %s, want %s", name, got, want)
		}
	}
	for n := 1; n <= 63; n++ { // whatever the length, it is a name, and behind
		for rest := 180; rest <= 252; rest += 9 {
			name := strings.Repeat("a", n) + "." + pad(rest)
			if _, ok := dns.IsDomainName(name); !ok || len(name) > 254 {
				continue
			}
			got := next(name)
			if _, ok := dns.IsDomainName(got); !ok || got == name {
				t.Fatalf("next of %d octets: %q", len(name), got)
			}
			var a, b [300]byte
			i, _ := dns.PackDomainName(name, a[:], 0, nil, false)
			j, err := dns.PackDomainName(got, b[:], 0, nil, false)
			if err != nil || j > 255 || string(a[:i]) == string(b[:j]) {
				t.Fatalf("next of %d octets has %d: %v", i, j, err)
			}
		}
	}
}

// pad is a name of n octets in presentation form.
func pad(n int) string {
	var b strings.Builder
	for n > 1 {
		l := min(n-1, 60)
		b.WriteString(strings.Repeat("b", l) + ".")
		n -= l + 1
	}
	return b.String()
}
