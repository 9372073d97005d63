package conformance

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// zoneKey is the key that pbx-b signs with; publisher may update its zone.
var zoneKey *dns.DNSKEY

const publisher = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"

// secure makes the keys, and the lines of pbx-b that name them.
func secure(dir string) error {
	zoneKey = &dns.DNSKEY{Hdr: dns.RR_Header{Name: origin, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 3600},
		Flags: 257, Protocol: 3, Algorithm: dns.ECDSAP256SHA256}
	private, err := zoneKey.Generate(256)
	if err != nil {
		return err
	}
	base := filepath.Join(dir, fmt.Sprintf("K%s+013+%05d", origin, zoneKey.KeyTag()))
	for file, text := range map[string]string{
		base + ".key":          zoneKey.String() + "\n",
		base + ".private":      zoneKey.PrivateKeyString(private),
		dir + "/publisher.key": "key \"publisher\" { algorithm hmac-sha256; secret \"" + publisher + "\"; };\n",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return err
		}
	}
	extra["pbx-b"] = fmt.Sprintf("    dnssec key %s\n    update key %s/publisher.key\n", base, dir)
	return nil
}

// signed asks the signing node with DO, and verifies every RRset of the answer
// and authority sections with the zone's key.
func signed(t *testing.T, question *dns.Msg) *dns.Msg {
	t.Helper()
	r := exchangeAt(t, signing, question, how{tcp: true, edns: 4096, do: true})
	for _, section := range [][]dns.RR{r.Answer, r.Ns} {
		sets := map[string][]dns.RR{}
		for _, rr := range section {
			if h := rr.Header(); h.Rrtype != dns.TypeRRSIG {
				key := strings.ToLower(h.Name) + dns.Type(h.Rrtype).String()
				if h.Rrtype != dns.TypeNS || h.Name == origin { // those of a delegation are not ours to sign
					sets[key] = append(sets[key], rr)
				}
			}
		}
		for _, rr := range section {
			sig, ok := rr.(*dns.RRSIG)
			if !ok {
				continue
			}
			key := strings.ToLower(sig.Hdr.Name) + dns.Type(sig.TypeCovered).String()
			if err := sig.Verify(zoneKey, sets[key]); err != nil || !sig.ValidityPeriod(time.Now()) {
				t.Errorf("%s: %v", sig, err)
			}
			delete(sets, key)
		}
		for key := range sets {
			t.Errorf("%s: %s has no signature", r.Question[0].String(), key)
		}
	}
	return r
}

// TestSignedCases asks every question of the file with DO (RFC 4035 §3.1): the
// data are those of the unsigned answer, all of it is signed, and a denial
// says exactly what is there (RFC 9824).
func TestSignedCases(t *testing.T) {
	n := 0
	for _, e := range entries(t) {
		q := question(t, e.question)
		name := q.Question[0].Name
		if !dns.IsSubDomain(origin, strings.ToLower(name)) || q.Question[0].Qclass != dns.ClassINET || q.Question[0].Qtype == dns.TypeAXFR {
			continue
		}
		n++
		plain := exchangeAt(t, signing, q.Copy(), how{tcp: true})
		got := signed(t, q)
		data := func(r *dns.Msg) (out []string) {
			for _, rr := range r.Answer {
				if rr.Header().Rrtype != dns.TypeRRSIG {
					out = append(out, rr.String())
				}
			}
			slices.Sort(out)
			return out
		}
		if !slices.Equal(data(got), data(plain)) {
			t.Errorf("%s: signed\n%v\nplain\n%v", e.question, got.Answer, plain.Answer)
		}
		if len(plain.Answer) > 0 {
			continue
		}
		nsec := denial(t, got)
		if nsec == nil || got.Rcode != dns.RcodeSuccess {
			t.Errorf("%s: no denial\n%v", e.question, got)
			continue
		}
		if !got.Authoritative {
			if !slices.Equal(nsec.TypeBitMap, []uint16{dns.TypeNS, dns.TypeRRSIG, dns.TypeNSEC}) {
				t.Errorf("%s: a delegation that is not signed, but %v", e.question, nsec)
			}
			continue
		}
		if absent := slices.Contains(nsec.TypeBitMap, dns.TypeNXNAME); absent != (plain.Rcode == dns.RcodeNameError) {
			t.Errorf("%s: %s, but the plain rcode is %s", e.question, nsec, dns.RcodeToString[plain.Rcode])
		}
		for _, typ := range []uint16{dns.TypeNAPTR, dns.TypeTXT, dns.TypeSRV, dns.TypeA, dns.TypeAAAA, dns.TypeNS, dns.TypeSOA,
			dns.TypeDNSKEY, dns.TypeCDS, dns.TypeCDNSKEY, dns.TypeDS, dns.TypeCNAME, dns.TypeMX} {
			probe := question(t, name+" "+dns.Type(typ).String())
			there := exchangeAt(t, signing, probe, how{tcp: true})
			has := len(there.Answer) > 0 || !there.Authoritative && typ == dns.TypeNS
			if slices.Contains(nsec.TypeBitMap, typ) != has {
				t.Errorf("%s: the denial says %v, but %s is there: %v", name, nsec, dns.Type(typ), has)
			}
		}
	}
	if n < 80 {
		t.Errorf("%d questions: too few to show anything", n)
	}
}

// denial returns the one NSEC of the authority section.
func denial(t *testing.T, r *dns.Msg) (out *dns.NSEC) {
	t.Helper()
	for _, rr := range r.Ns {
		if n, ok := rr.(*dns.NSEC); ok {
			if out != nil {
				t.Errorf("two NSECs: %v", r.Ns)
			}
			out = n
		}
	}
	return out
}

// TestCompactAnswersOK: who understands it gets NXDOMAIN (RFC 9824 §5.1).
func TestCompactAnswersOK(t *testing.T) {
	q := question(t, "nobody.users NAPTR")
	q.SetEdns0(1232, true)
	q.IsEdns0().Hdr.Ttl |= 0x4000
	r, err := dns.Exchange(q, signing)
	if err != nil {
		t.Fatal(err)
	}
	if r.Rcode != dns.RcodeNameError || denial(t, r) == nil {
		t.Errorf("%v", r)
	}
}

// TestSignedFits: what is signed and does not fit has TC, and is whole over TCP
// (RFC 4035 §3.1).
func TestSignedFits(t *testing.T) {
	q := question(t, "1001.users NAPTR")
	for _, size := range []uint16{512, 700, 1232} {
		r := exchangeAt(t, signing, q.Copy(), how{edns: size, do: true})
		r.Compress = true
		if b, err := r.Pack(); err != nil || len(b) > int(size) {
			t.Errorf("%d octets for %d: %v", len(b), size, err)
		}
		if !r.Truncated && !slices.ContainsFunc(r.Answer, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeRRSIG }) {
			t.Errorf("with %d octets neither TC nor a signature: %v", size, r)
		}
	}
}
