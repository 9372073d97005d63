package stream

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/miekg/dns"
)

// written gives take each message of a transfer of pbx-a.
func written(tb testing.TB, z Zone, held *record.Version, request *dns.TSIG, take func([]byte)) {
	tb.Helper()
	apex := record.HomeZone("pbx-a", origin)
	q := new(dns.Msg)
	q.SetQuestion(apex, dns.TypeAXFR)
	rep := Reply{Msg: new(dns.Msg), Send: func(wire []byte) error { take(wire); return nil }}
	rep.Msg.SetReply(q)
	rep.Msg.Extra = []dns.RR{&dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT, Class: 1232}}}
	if request != nil {
		rep.Key, rep.MAC = testKey, request.MAC
	}
	if err := Answer(z, Query{Origin: origin, Apex: apex, TTL: 5, From: held}, rep); err != nil {
		tb.Fatal(err)
	}
}

// mixed are bindings of every form, n of them plain numbers.
func mixed(t *testing.T, n int) []location.Binding {
	out := []location.Binding{{AOR: "Alice.Smith", Kind: location.SIP, Contact: 1, Stamp: 2}, {AOR: "users.x", Kind: location.IAX2, Contact: 3},
		{AOR: "users", Kind: location.PJSIP, Contact: 4}, {AOR: location.AOR(strings.Repeat("Ab", 30) + "." + strings.Repeat("c", 59)), Kind: location.PJSIP, Contact: 4}}
	for _, p := range []struct {
		kind location.Kind
		name string
		d    location.Details
	}{{location.User, "bob", location.Details{Name: `B"ö\b`}}, {location.Range, "100", location.Details{To: "199"}},
		{location.Wildcard, ".", location.Details{}}, {location.Trunk, "berlin", location.Details{Cost: 5}}} {
		b, err := location.Publish(p.kind, p.name, p.d)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b)
	}
	for i := range n {
		out = append(out, location.Binding{AOR: user(i), Kind: location.PJSIP, Contact: location.ContactID(i + 1), Stamp: location.Stamp(i)})
	}
	return out
}

// What is written octet by octet is what package dns reads: the same records
// as those that AnswerRecords has, in messages that fit (RFC 1035 §4.2.2) and
// whose signatures package dns takes (RFC 8945 §5.3.1).
func TestWriterWritesTheSame(t *testing.T) {
	up, down := record.Node{Name: "pbx-b", State: record.Up, Region: "eu-west"}, record.Node{Name: "pbx-b", State: record.Down}
	all := mixed(t, 3000)
	z := canned{version: record.Version{Epoch: "e", Serial: 2001}, all: all}
	steps := z
	for i := range uint32(2000) {
		steps.deltas = append(steps.deltas, record.Delta{From: i + 1, To: i + 2, OldNode: &up, Node: &down,
			Changes: []location.Change{{Old: all[i], New: all[i+1]}, {New: all[i+2]}}})
	}
	late := z // registrations behind more than a pointer reaches across (RFC 1035 §4.1.4)
	late.all = nil
	for i := range 600 {
		late.all = append(late.all, named(t, string(user(i)), "Alice Smith"))
	}
	late.all = append(late.all, all...)
	held := record.Version{Epoch: "e", Serial: 1}
	request := &dns.TSIG{MAC: strings.Repeat("5a", 32)}
	for name, c := range map[string]struct {
		z    Zone
		held *record.Version
	}{"full": {z, nil}, "steps": {steps, &held}, "published first": {late, nil}} {
		t.Run(name, func(t *testing.T) {
			var want, got []dns.RR
			apex := record.HomeZone("pbx-a", origin)
			if err := AnswerRecords(c.z, Query{Origin: origin, Apex: apex, TTL: 5, From: c.held}, func(rrs []dns.RR) error { want = append(want, rrs...); return nil }); err != nil {
				t.Fatal(err)
			}
			mac, timers := request.MAC, false
			written(t, c.z, c.held, request, func(wire []byte) {
				m := new(dns.Msg)
				if err := m.Unpack(wire); err != nil {
					t.Fatal(err)
				}
				if len(wire) > dns.MaxMsgSize || m.IsEdns0() == nil || len(m.Question) != 1 {
					t.Errorf("message of %d octets: %v", len(wire), m.MsgHdr)
				}
				if err := dns.TsigVerify(bytes.Clone(wire), testKey.Secret, mac, timers); err != nil {
					t.Fatal(err)
				}
				mac, timers = m.IsTsig().MAC, true
				got = append(got, m.Answer...)
			})
			if len(got) != len(want) {
				t.Fatalf("%d records, want %d", len(got), len(want))
			}
			for i := range got {
				if got[i].String() != want[i].String() {
					t.Errorf("record %d is\n%s, want\n%s", i, got[i], want[i])
				}
			}
		})
	}
}

// A full zone that is written and read is the same again.
func TestWriterAndReader(t *testing.T) {
	all := mixed(t, 3000)
	r := Reader{apex: record.HomeZone("pbx-a", origin)}
	written(t, canned{version: record.Version{Epoch: "e", Serial: 9}, all: all}, nil, nil, func(wire []byte) {
		if _, err := r.Message(wire); err != nil {
			t.Fatal(err)
		}
	})
	if !r.done || !reflect.DeepEqual(r.t.Bindings, all) {
		t.Errorf("done=%v, %d bindings, want %d alike: %v", r.done, len(r.t.Bindings), len(all), r.t.FirstRefused)
	}
}

// A registration is written without an allocation.
func TestWriterAllocates(t *testing.T) {
	w, err := newWriter(Reply{Msg: new(dns.Msg).SetAxfr(record.HomeZone("pbx-a", origin)), Send: func([]byte) error { return nil }}, record.HomeZone("pbx-a", origin), 5)
	if err != nil {
		t.Fatal(err)
	}
	b := location.Binding{AOR: "972310000001", Kind: location.PJSIP, Contact: 7, Stamp: 8}
	if n := testing.AllocsPerRun(100, func() { w.binding(b) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

// What the chain signs package dns verifies, and the other way round; what
