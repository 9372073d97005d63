package conformance

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// TestTreeIsWhole: whatever has data, no name above it is NXDOMAIN, and
// nothing below an NXDOMAIN has data (RFC 8020 §2), so that a resolver that
// believes it, or that minimises its questions (RFC 9156), loses no number.
func TestTreeIsWhole(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	bases := []string{"4.2.7.9", "0.2.1.0.9.9.9.3.2.7.9", "5.1.0.9.9.9.3.2.7.9", "5.2.7.9", "5.5.2.7.9", "1.0.0.1",
		"7.6.5.4.3.2.1.3.2.7.9", "8.2.7.9", "6.7"}
	alive := 0
	for range 400 {
		name := bases[r.IntN(len(bases))] + ".e164"
		if cut := r.IntN(4); cut > 0 {
			labels := strings.Split(name, ".")
			name = strings.Join(labels[min(cut, len(labels)-2):], ".")
		}
		for range r.IntN(3) {
			name = string("0123456789"[r.IntN(10)]) + "." + name
		}
		if rcode(t, name) == dns.RcodeSuccess {
			alive++
			for up := name; up != "e164"; {
				_, up, _ = strings.Cut(up, ".")
				if rcode(t, up) != dns.RcodeSuccess {
					t.Fatalf("%s exists, %s does not", name, up)
				}
			}
			continue
		}
		if below := "7." + name; rcode(t, below) != dns.RcodeNameError {
			t.Fatalf("%s does not exist, %s does", name, below)
		}
	}
	if alive < 50 || alive > 350 {
		t.Errorf("%d of 400 names exist: this shows nothing", alive)
	}
}

func rcode(t *testing.T, name string) int {
	t.Helper()
	return exchange(t, question(t, name+" NAPTR"), how{}).Rcode
}
