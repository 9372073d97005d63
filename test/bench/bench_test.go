package main

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/primary"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
)

const dnsperfOutput = `Statistics:

  Queries sent:         2000
  Queries completed:    1990 (99.50%)
  Queries lost:         10 (0.50%)

  Response codes:       NOERROR 1990 (100.00%)
  Average packet size:  request 54, response 211
  Run time (s):         0.100000
  Queries per second:   19900.000000

  Average Latency (s):  0.000650 (min 0.000021, max 0.004700)
`

func TestParseDnsperf(t *testing.T) {
	s, err := parseDnsperf(dnsperfOutput, 19900*time.Microsecond)
	if err != nil || s.qps != 19900 || s.cpu != 10 || math.Abs(s.lost-0.005) > 1e-9 {
		t.Errorf("%+v, %v", s, err)
	}
	for _, bad := range []string{"", strings.ReplaceAll(dnsperfOutput, "1990 (99.50%)", "0 (0%)"), "Queries sent: 1\n"} {
		if _, err := parseDnsperf(bad, 0); err == nil {
			t.Errorf("no error from %q", bad)
		}
	}
}

func TestRatiosAreTakenRoundByRound(t *testing.T) {
	a := []sample{{qps: 10}, {qps: 30}, {qps: 10}}
	b := []sample{{qps: 10}, {qps: 10}, {qps: 20}}
	if got := ratios(a, b, sample.rate); got != "1.00 (0.50 to 3.00)" {
		t.Error(got)
	}
	if got := median([]float64{4, 1, 3, 2}); got != 2.5 {
		t.Error(got)
	}
}

func TestReplaced(t *testing.T) {
	const doc = "a\n<!-- bench:dns -->\nold\n<!-- end of bench:dns -->\nz\n"
	got, err := replaced(doc, "dns", "new")
	if want := "a\n<!-- bench:dns -->\n\nnew\n<!-- end of bench:dns -->\nz\n"; err != nil || got != want {
		t.Errorf("got %q, %v", got, err)
	}
	if again, err := replaced(got, "dns", "new"); err != nil || again != got {
		t.Errorf("a second time: %q, %v", again, err)
	}
	if _, err := replaced(doc, "other", "new"); err == nil {
		t.Error("no error for a section that is not there")
	}
}

// The documents that make bench and make plan write into have a section for
// every part.
func TestDocumentHasEverySection(t *testing.T) {
	documents := map[string]string{"plan": "../../docs/scale.md"}
	for _, p := range parts {
		if p.name == "coefficients" { // it writes a file of its own
			continue
		}
		document := documents[p.name]
		if document == "" {
			document = "../../docs/performance.md"
		}
		raw, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := replaced(string(raw), p.name, ""); err != nil {
			t.Error(err)
		}
	}
}

// Both forms of the world say the same: questions of every kind are answered
// from the journal as the zone file has it.
func TestWorldIsTheSameInBothForms(t *testing.T) {
	dir, w := t.TempDir(), newWorld(200)
	if err := w.journal(dir); err != nil {
		t.Fatal(err)
	}
	j, aside, err := primary.OpenJournal(dir, home, origin)
	if err != nil || aside != nil {
		t.Fatal(err, aside)
	}
	defer j.Close()
	v := answer.New(answer.Config{}, view.New(view.Config{Origin: origin, Self: home, TTL: ttl * time.Second}))
	v.Home(home).Replace(j.Version(), j.Node(), j.Bindings())
	v.SetSettled(true)
	records := masterRecords(t, w, filepath.Join(dir, "zone"))
	r := rand.New(rand.NewPCG(1, 1))
	for k, q := range questions {
		for range 50 {
			name, qtype, _ := strings.Cut(w.question(k, r), " ")
			got := v.Lookup(name, dns.StringToType[qtype])
			want := records[name+" "+qtype]
			if q.kind == "range" {
				_, block, _ := strings.Cut(name, ".")
				_, block, _ = strings.Cut(block, ".")
				want = records["*."+block+" "+qtype]
			}
			nx := q.kind == "miss"
			if len(got.Answer) != want || (got.Rcode == dns.RcodeNameError) != nx && q.kind != "mixed" || q.kind == "hit" && want != 2 {
				if q.kind != "mixed" {
					t.Errorf("%s %s (%s): %d records, rcode %d; the zone file has %d", name, qtype, q.kind, len(got.Answer), got.Rcode, want)
				}
			}
		}
	}
}

// masterRecords counts the records of the zone file by owner and type.
func masterRecords(t *testing.T, w *world, file string) map[string]int {
	t.Helper()
	if err := w.master(file); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := map[string]int{}
	p := dns.NewZoneParser(f, origin, file)
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		out[rr.Header().Name+" "+dns.TypeToString[rr.Header().Rrtype]]++
	}
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}
