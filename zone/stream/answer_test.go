package stream

import (
	"strings"
	"testing"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/miekg/dns"
)

// canned is a zone with the history that a test gives it.
type canned struct {
	version record.Version
	deltas  []record.Delta
	all     []location.Binding
	node    *record.Node // default: up
}

func (c canned) Since(uint32) (record.Version, []record.Delta, bool) {
	return c.version, c.deltas, c.deltas != nil
}

func (c canned) Snapshot() (record.Version, record.Node, []location.Binding) {
	if c.node != nil {
		return c.version, *c.node, c.all
	}
	return c.version, record.Node{Name: "pbx-b", State: record.Up}, c.all
}

// Every message of a transfer fits into 64 KiB, signature included, whatever
// the zone is made of (RFC 1035 §4.2.2).
func TestMessagesFit(t *testing.T) {
	long := func(i int) location.Binding {
		aor := strings.Repeat("A", 57) + "." + strings.Repeat("B", 55) + string(rune('A'+i/676%26)) + string(rune('A'+i/26%26)) + string(rune('A'+i%26))
		return location.Binding{AOR: location.AOR(aor), Kind: location.PJSIP, Contact: location.ContactID(i + 1), Stamp: 1 << 60}
	}
	full := canned{version: record.Version{Epoch: record.NewEpoch(), Serial: 9}}
	for i := range 2000 {
		full.all = append(full.all, long(i))
	}
	flaps := canned{version: record.Version{Epoch: full.version.Epoch, Serial: 2001}}
	for i := range uint32(2000) { // an Asterisk that comes and goes
		up, down := record.Node{Name: "pbx-b", State: record.Up, Region: "eu-west"}, record.Node{Name: "pbx-b", State: record.Down}
		flaps.deltas = append(flaps.deltas, record.Delta{From: i + 1, To: i + 2, OldNode: &up, Node: &down})
	}
	held := record.Version{Epoch: full.version.Epoch, Serial: 1}
	for name, z := range map[string]struct {
		canned
		held *record.Version
	}{"long names": {full, nil}, "many versions of the node": {flaps, &held}} {
		t.Run(name, func(t *testing.T) {
			apex := record.HomeZone("pbx-b", origin)
			r := Reader{apex: apex, held: z.held}
			err := AnswerRecords(z, Query{Origin: origin, Apex: apex, TTL: 5, From: z.held}, func(rrs []dns.RR) error {
				m := new(dns.Msg)
				m.SetQuestion(apex, dns.TypeIXFR)
				m.Answer, m.Compress = rrs, true
				wire, err := m.Pack()
				if err != nil {
					t.Fatalf("message of %d records: %v", len(rrs), err)
				}
				if len(wire) > dns.MaxMsgSize-512 {
					t.Errorf("message of %d records has %d octets", len(rrs), len(wire))
				}
				for _, rr := range rrs {
					if _, err := r.add(rr); err != nil {
						t.Fatal(err)
					}
				}
				return nil
			})
			if err != nil || !r.done {
				t.Fatalf("transfer: %v, done=%v", err, r.done)
			}
			if len(r.t.Bindings) != len(z.all) || len(r.t.Deltas) != len(z.deltas) {
				t.Errorf("read %d bindings and %d deltas, want %d and %d", len(r.t.Bindings), len(r.t.Deltas), len(z.all), len(z.deltas))
			}
		})
	}
}
