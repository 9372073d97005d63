package stream

import (
	"fmt"
	"strings"
	"testing"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/miekg/dns"
)

// named returns an entry with a display name that nothing has checked: one of more
// than 253 octets makes a character-string that cannot be packed.
func named(t testing.TB, user, name string) location.Binding {
	t.Helper()
	b, err := location.Publish(location.Entry, user, location.Details{})
	if err != nil {
		t.Fatal(err)
	}
	b.Info = location.NewInfo(location.Details{Name: name})
	return b
}

// A record that cannot be packed is left out and reported. Everything else
// arrives, in a full zone and in deltas, whoever packs the messages.
func TestUnpackableRecordDoesNotEndTheTransfer(t *testing.T) {
	users := func(n int) (all []location.Binding) {
		for i := range n {
			all = append(all, location.Binding{AOR: user(i), Kind: location.PJSIP, Contact: location.ContactID(i + 1), Stamp: 1})
		}
		return all
	}
	bad := named(t, "1001", strings.Repeat("x", 300))
	bad.Stamp = 7
	good := named(t, "1001", "Alice")
	good.Stamp = 8
	v := record.Version{Epoch: "e", Serial: 9}
	full := canned{version: v, all: append(users(700), bad)}
	full.all = append(full.all, users(1400)[700:]...)
	came := canned{version: v, deltas: []record.Delta{
		{From: 6, To: 7, Changes: []location.Change{{New: users(1)[0]}, {New: bad}}},
		{From: 7, To: 8, Changes: []location.Change{{Old: bad, New: good}}},
		{From: 8, To: 9, Changes: []location.Change{{New: users(2)[1]}}},
	}}
	held := record.Version{Epoch: "e", Serial: 6}
	apex := record.HomeZone("pbx-b", origin)
	for name, c := range map[string]struct {
		canned
		held             *record.Version
		left             int
		bindings, deltas int
	}{
		"full":                              {full, nil, 1, 1400, 0},
		"deltas, as it comes and is mended": {came, &held, 2, 0, 3},
	} {
		for _, packed := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, packed=%v", name, packed), func(t *testing.T) {
				r := Reader{apex: apex, held: c.held}
				var left []string
				q := Query{Origin: origin, Apex: apex, TTL: 5, From: c.held, LeftOut: func(rr dns.RR, err error) {
					left = append(left, rr.Header().Name)
				}}
				var err error
				if packed {
					err = Answer(c.canned, q, Reply{Msg: new(dns.Msg).SetAxfr(apex), Send: func(wire []byte) error {
						_, err := r.Message(wire)
						return err
					}})
				} else {
					err = AnswerRecords(c.canned, q, func(rrs []dns.RR) error {
						m := &dns.Msg{Answer: rrs}
						wire, err := m.Pack()
						if err != nil {
							return err
						}
						_, err = r.Message(wire)
						return err
					})
				}
				if err != nil || !r.done {
					t.Fatalf("transfer: %v, complete: %v", err, r.done)
				}
				if len(left) != c.left || left[0] != "1001.users."+apex {
					t.Errorf("left out %q, want %d of 1001", left, c.left)
				}
				if len(r.t.Bindings) != c.bindings || len(r.t.Deltas) != c.deltas || r.t.Refused != 0 {
					t.Errorf("read %d bindings and %d deltas, %d refused; want %d and %d", len(r.t.Bindings), len(r.t.Deltas), r.t.Refused, c.bindings, c.deltas)
				}
				if c.deltas > 0 {
					last := r.t.Deltas[1].Changes
					if len(last) != 1 || last[0].New != good {
						t.Errorf("the mended record is %v, want %v", last, good)
					}
				}
			})
		}
	}
}

// The record of a node that has a string too long goes without that string: a
// node without its record could not be called.
func TestUnpackableNode(t *testing.T) {
	c := canned{version: record.Version{Epoch: "e", Serial: 9}, node: &record.Node{Name: "pbx-b", State: record.Up, Asterisk: strings.Repeat("9", 300), Region: "eu"}}
	apex := record.HomeZone("pbx-b", origin)
	r := Reader{apex: apex}
	left := 0
	err := Answer(c, Query{Origin: origin, Apex: apex, TTL: 5, LeftOut: func(dns.RR, error) { left++ }}, Reply{Msg: new(dns.Msg).SetAxfr(apex), Send: func(wire []byte) error {
		_, err := r.Message(wire)
		return err
	}})
	if err != nil || !r.done || left != 1 {
		t.Fatalf("transfer: %v, complete: %v, %d left out", err, r.done, left)
	}
	if n := r.t.Node; n == nil || n.Region != "eu" || n.Asterisk != "" || n.State != record.Up {
		t.Errorf("the node is %+v, want all but its version", n)
	}
}

// A record of a peer that cannot be unpacked is refused alone.
func TestUnreadableRecordIsRefusedAlone(t *testing.T) {
	apex := record.HomeZone("pbx-b", origin)
	all := []location.Binding{named(t, "1001", "Alice"), named(t, "1002", "Bob")}
	r := Reader{apex: apex}
	err := Answer(canned{version: record.Version{Epoch: "e", Serial: 9}, all: all}, Query{Origin: origin, Apex: apex, TTL: 5}, Reply{Msg: new(dns.Msg).SetAxfr(apex), Send: func(wire []byte) error {
		at := strings.Index(string(wire), "\x07n=Alice")
		wire[at] = 200 // beyond the end of the RDATA
		_, err := r.Message(wire)
		return err
	}})
	if err != nil || !r.done || r.t.Refused != 1 || r.t.Unreadable != 1 || len(r.t.Bindings) != 1 {
		t.Errorf("transfer: %v, complete: %v, %d refused, %d bindings; want all but one", err, r.done, r.t.Refused, len(r.t.Bindings))
	}
}
