package stream

import (
	"slices"
	"strings"
	"testing"

	"github.com/asterfed/asterfed/zone/record"
	"github.com/miekg/dns"
)

const (
	soaAt = "pbx-b.homes.fed.example. 5 IN SOA pbx-b.nodes.fed.example. epoch-00000000000000aa.hostmaster.fed.example. "
	soa1  = soaAt + "1 60 10 604800 5\n"
	soa2  = soaAt + "2 60 10 604800 5\n"
	soa3  = soaAt + "3 60 10 604800 5\n"
	apexT = "pbx-b.homes.fed.example. 5 IN TXT \"v=1\" \"a=192.0.2.1\" \"state=up\"\n"
	u1001 = "1001.users.pbx-b.homes.fed.example. 5 IN TXT \"v=1\" \"k=pjsip\" \"c=0000000000000001\"\n"
	u1002 = "1002.users.pbx-b.homes.fed.example. 5 IN TXT \"v=1\" \"k=pjsip\" \"c=0000000000000002\"\n"
	alice = "alice.users.pbx-b.homes.fed.example. 5 IN TXT \"v=1\" \"k=pjsip\" \"c=0000000000000003\"\n"
	Alice = "alice.users.pbx-b.homes.fed.example. 5 IN TXT \"v=1\" \"k=pjsip\" \"c=0000000000000003\" \"u=Alice\"\n"
)

// Transfers as their primary should not send them, and some that it may.
var transfers = []struct{ name, text, err, bindings, changes string }{
	{"full", soa2 + apexT + u1001 + u1002 + soa2, "", "1001 1002", ""},
	{"full, nothing but its closing SOA is missing", soa2 + apexT + u1001, "not complete", "", ""},
	{"empty", "", "not complete", "", ""},
	{"begins with no SOA", u1001 + soa2, "begins with TXT", "", ""},
	{"other closing SOA", soa2 + apexT + u1001 + soa3, "closing SOA has serial 3, want 2", "", ""},
	{"SOA of another zone", strings.ReplaceAll(soa2, "pbx-b.homes", "pbx-c.homes") + apexT + u1001 + strings.ReplaceAll(soa2, "pbx-b.homes", "pbx-c.homes"), "SOA of pbx-c.homes.fed.example.", "", ""},
	{"record after the end", soa2 + apexT + soa2 + u1001, "after the closing SOA", "", ""},
	{"nothing but SOA", soa2 + soa2, "no record but SOA", "", ""},
	{"name of another node", soa2 + apexT + strings.ReplaceAll(u1001, "pbx-b", "pbx-c") + u1002 + soa2, "", "1002", ""},
	{"apex record of another node", soa2 + strings.ReplaceAll(apexT, "pbx-b", "pbx-c") + u1002 + soa2, "", "1002", ""},
	{"what must not be dialled", soa2 + apexT + strings.ReplaceAll(u1001, "1001.users", `x&y.users`) + u1002 + soa2, "", "1002", ""},
	{"deltas", soa3 + soa1 + u1001 + soa2 + u1002 + soa2 + soa3 + u1001 + soa3, "", "", "+1002 -1001; +1001"},
	{"delta replaces a record", soa2 + soa1 + u1001 + soa2 + strings.ReplaceAll(u1001, `"c=`, `"t=5" "c=`) + soa2, "", "", "1001"},
	{"delta spells an AOR anew", soa2 + soa1 + Alice + soa2 + alice + soa2, "", "", "+alice -Alice"},
	{"gap between deltas", soa3 + soa1 + u1001 + soa2 + soa1 + soa3 + soa3, "delta starts at serial 1, want 2", "", ""},
	{"delta cut off", soa3 + soa1 + u1001 + soa2 + u1002, "not complete", "", ""},
}

func read(t testing.TB, text string, held *record.Version) (*Reader, error) {
	r := &Reader{apex: record.HomeZone("pbx-b", origin), held: held}
	z := dns.NewZoneParser(strings.NewReader(text), "", "")
	for rr, ok := z.Next(); ok; rr, ok = z.Next() {
		if _, err := r.add(rr); err != nil {
			return r, err
		}
	}
	if err := z.Err(); err != nil {
		t.Fatal(err)
	}
	return r, nil
}

func TestReader(t *testing.T) {
	held := record.Version{Epoch: "00000000000000aa", Serial: 1}
	for _, c := range transfers {
		t.Run(c.name, func(t *testing.T) {
			r, err := read(t, c.text, &held)
			switch {
			case c.err == "not complete":
				if err != nil || r.done {
					t.Fatalf("done=%v, %v: want more to come", r.done, err)
				}
				return
			case c.err != "":
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("error is %v, want %q", err, c.err)
				}
				return
			case err != nil || !r.done:
				t.Fatalf("done=%v, %v", r.done, err)
			}
			var names, steps []string
			for _, b := range r.t.Bindings {
				names = append(names, string(b.AOR))
			}
			for _, d := range r.t.Deltas {
				var step []string
				for _, ch := range d.Changes {
					switch {
					case ch.Old.AOR == "":
						step = append(step, "+"+string(ch.New.AOR))
					case ch.New.AOR == "":
						step = append(step, "-"+string(ch.Old.AOR))
					default:
						step = append(step, string(ch.New.AOR))
					}
				}
				steps = append(steps, strings.Join(step, " "))
			}
			if got := strings.Join(names, " "); got != c.bindings {
				t.Errorf("bindings are %q, want %q", got, c.bindings)
			}
			if got := strings.Join(steps, "; "); got != c.changes {
				t.Errorf("changes are %q, want %q", got, c.changes)
			}
		})
	}
}

// A peer that never ends is broken off before it fills the memory.
func TestReaderIsBounded(t *testing.T) {
	r, err := read(t, soa2+apexT, nil)
	if err != nil {
		t.Fatal(err)
	}
	rr, _ := dns.NewRR(strings.TrimSpace(u1001))
	r.n = maxRecords - 1
	if _, err := r.add(rr); err != nil {
		t.Errorf("record %d: %v", r.n, err)
	}
	if _, err := r.add(rr); err == nil {
		t.Errorf("record %d was taken", r.n)
	}
}

// Whatever comes in, what is taken can be sent on as the same transfer.
func FuzzReader(f *testing.F) {
	for _, c := range transfers {
		f.Add(c.text)
	}
	held := record.Version{Epoch: "00000000000000aa", Serial: 1}
	f.Fuzz(func(t *testing.T, text string) {
		z := dns.NewZoneParser(strings.NewReader(text), "", "")
		r := &Reader{apex: record.HomeZone("pbx-b", origin), held: &held}
		for rr, ok := z.Next(); ok && !r.done; rr, ok = z.Next() {
			if _, err := r.add(rr); err != nil {
				return
			}
		}
		if !r.done || !r.t.Full {
			return
		}
		again := &Reader{apex: r.apex}
		if err := AnswerRecords(canned{version: r.t.Version, all: r.t.Bindings}, Query{Origin: origin, Apex: r.apex, TTL: 5}, func(rrs []dns.RR) error {
			for _, rr := range rrs {
				if _, err := again.add(rr); err != nil {
					t.Fatalf("what was taken cannot be sent on: %v", err)
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if !again.done || !slices.Equal(again.t.Bindings, r.t.Bindings) {
			t.Fatalf("took %v, sent on %v", r.t.Bindings, again.t.Bindings)
		}
	})
}
