package stream

import (
	"strings"
	"testing"

	"github.com/asterfed/asterfed/zone"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/miekg/dns"
)

// canned is a zone with the history that a test gives it.
type canned struct {
	version zone.Version
	deltas  []zone.Delta
	all     []location.Binding
	node    *zone.Node // default: up
}

func (c canned) Since(uint32) (zone.Version, []zone.Delta, bool) {
	return c.version, c.deltas, c.deltas != nil
}

func (c canned) Snapshot() (zone.Version, zone.Node, []location.Binding) {
	if c.node != nil {
		return c.version, *c.node, c.all
	}
	return c.version, zone.Node{Name: "pbx-b", State: zone.Up}, c.all
}

// Every message of a transfer fits into 64 KiB, signature included, whatever
// the zone is made of (RFC 1035 §4.2.2).
func TestMessagesFit(t *testing.T) {
	long := func(i int) location.Binding {
		aor := strings.Repeat("A", 57) + "." + strings.Repeat("B", 55) + string(rune('A'+i/676%26)) + string(rune('A'+i/26%26)) + string(rune('A'+i%26))
		return location.Binding{AOR: location.AOR(aor), Kind: location.PJSIP, Contact: location.ContactID(i + 1), Stamp: 1 << 60}
	}
	full := canned{version: zone.Version{Epoch: zone.NewEpoch(), Serial: 9}}
	for i := range 2000 {
		full.all = append(full.all, long(i))
	}
	flaps := canned{version: zone.Version{Epoch: full.version.Epoch, Serial: 2001}}
	for i := range uint32(2000) { // an Asterisk that comes and goes
		up, down := zone.Node{Name: "pbx-b", State: zone.Up, Region: "eu-west"}, zone.Node{Name: "pbx-b", State: zone.Down}
		flaps.deltas = append(flaps.deltas, zone.Delta{From: i + 1, To: i + 2, OldNode: &up, Node: &down})
	}
	held := zone.Version{Epoch: full.version.Epoch, Serial: 1}
	for name, z := range map[string]struct {
		canned
		held *zone.Version
	}{"long names": {full, nil}, "many versions of the node": {flaps, &held}} {
		t.Run(name, func(t *testing.T) {
			apex := zone.HomeZone("pbx-b", origin)
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
