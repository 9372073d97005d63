package outbound

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
)

// TestSecondaryAnswersAlike: whatever happens, a copy of the zone answers as the
// node does, by RFC 4592 and nothing else.
func TestSecondaryAnswersAlike(t *testing.T) {
	names := questions()
	for seed := range uint64(20) {
		w := newWorld(t, seed, []answer.Order{answer.Newest, answer.Nearest, answer.All}[seed%3], "")
		for range 30 {
			w.happen()
		}
		_, c, _ := copyOf{}.pull(t, w.z, nil)
		w.alike(c.secondary(), names)
	}
}

// TestDeltasLeadToTheZone: who follows by IXFR, now and then, holds what a full
// transfer gives at the same serial, and what a zone made anew from the same
// view would.
func TestDeltasLeadToTheZone(t *testing.T) {
	kinds := map[Kind]int{}
	for seed := range uint64(8) {
		w := newWorld(t, seed, []answer.Order{answer.Newest, answer.Nearest, answer.All}[seed%3], "")
		w.z.step()
		_, c, soa := copyOf{}.pull(t, w.z, nil)
		for range 50 {
			for range w.IntN(4) {
				w.happen()
			}
			w.now = w.now.Add(time.Duration(w.IntN(3)-1) * time.Second)
			w.z.step()
			if w.IntN(3) == 0 {
				continue
			}
			before := soa.Serial
			var kind Kind
			kind, c, soa = c.pull(t, w.z, soa)
			kinds[kind]++
			_, full, at := copyOf{}.pull(t, w.z, nil)
			if got, want := c.sorted(), full.sorted(); !slices.Equal(got, want) || at.Serial != soa.Serial {
				t.Fatalf("seed %d: %s from %d to %d leaves\n%v\nwant\n%v", seed, kind, before, soa.Serial, diff(got, want), diff(want, got))
			}
			if w.IntN(10) == 0 {
				w.asIfAnew()
			}
		}
	}
	if kinds[Incremental] < 100 || kinds[Level] < 10 {
		t.Errorf("transfers by kind: %v: too few to show anything", kinds)
	}
}

// asIfAnew: the units are what they would be if all were looked at now.
func (w *world) asIfAnew() {
	w.t.Helper()
	anew := &Zone{cfg: w.z.cfg, view: w.v, log: w.z.log}
	sets := map[string]set{}
	anew.everything(func(unit string) {
		if s := anew.look(unit); s != (set{}) {
			sets[unit] = s
		}
	})
	for _, units := range []map[string]set{sets, w.z.sets} {
		for unit := range units {
			if got, want := w.z.sets[unit], sets[unit]; got != want {
				w.dump()
				w.t.Fatalf("unit %q is %v, want %v", unit, got.records(), want.records())
			}
		}
	}
}

func diff(a, b []string) (out []string) {
	for _, s := range a {
		if !slices.Contains(b, s) {
			out = append(out, s)
		}
	}
	return out
}

// Another node's SOA, one from a time that is forgotten and one from the future
// get what RFC 1995 §4 and the zone's nature ask for.
func TestKinds(t *testing.T) {
	w := newWorld(t, 1, answer.Newest, "")
	for range 20 {
		w.happen()
	}
	_, c, soa := copyOf{}.pull(t, w.z, nil)
	w.v.Home("pbx-a").Apply(record.Version{Epoch: "e", Serial: 9}, &record.Node{State: record.Up, IAX: 4570}, nil)
	w.z.step()
	is := func(name string, held *dns.SOA, want Kind) {
		t.Helper()
		if kind, _, _ := maps.Clone(c).pull(t, w.z, held); kind != want {
			t.Errorf("%s: %s, want %s", name, kind, want)
		}
	}
	is("the last but one", soa, Incremental)
	is("the last one", w.v.SOA(w.v.Serial()), Level)
	is("a newer one", w.v.SOA(w.v.Serial()+5), Level)
	is("an unknown one", w.v.SOA(soa.Serial-1), Full)
	other := *soa
	other.Ns = "PBX-A.nodes." + origin
	is("in another case", &other, Incremental)
	other.Ns = "pbx-b.nodes." + origin
	is("another node's", &other, Full)
	w.v.SetSettled(false)
	if _, err := w.z.Transfer(nil, nil); err != ErrUnsettled {
		t.Errorf("unsettled: %v", err)
	}
}

// Hiding a node that has nearly everything is a full zone, not a delta.
func TestHiddenNodeIsFullZone(t *testing.T) {
	w := newWorld(t, 1, answer.Newest, "")
	h := w.v.Home("pbx-b")
	var all []location.Binding
	for i := range 1500 {
		all = append(all, location.Binding{AOR: location.AOR(fmt.Sprint(100000 + i)), Kind: location.PJSIP, Contact: 1})
	}
	node := record.Node{State: record.Up, SIP: []record.Transport{{Proto: "udp", Port: 5060}}}
	h.Replace(record.Version{Epoch: "e", Serial: 2}, &node, all)
	_, c, soa := copyOf{}.pull(t, w.z, nil)
	if len(c) < 5*1500 {
		t.Fatalf("%d records", len(c))
	}
	h.SetReach(view.Gone)
	w.z.step()
	kind, c, soa := c.pull(t, w.z, soa)
	if kind != Full || len(c) > 100 {
		t.Errorf("hidden: %s with %d records", kind, len(c))
	}
	h.Apply(record.Version{Epoch: "e", Serial: 3}, nil, []location.Change{{Old: all[0]}})
	w.z.step()
	if kind, _, _ := c.pull(t, w.z, soa); kind != Level {
		t.Errorf("a change of who is hidden: %s", kind)
	}
}

// Who is asked no more holds nothing but the serial, which goes on.
func TestNobodyFollows(t *testing.T) {
	w := newWorld(t, 1, answer.Newest, "")
	w.z.cfg.Followed = false
	change := func() {
		w.v.Home("pbx-b").Apply(record.Version{Epoch: "e", Serial: 9}, nil, []location.Change{{New: w.binding()}})
	}
	moved := func() bool {
		before := w.v.Serial()
		w.z.step()
		return w.v.Serial() != before
	}
	moved()
	change()
	change()
	if !moved() || moved() || w.z.sets != nil {
		t.Error("without a follower: a change is one new serial")
	}
	_, c, soa := copyOf{}.pull(t, w.z, nil)
	w.now = w.now.Add(idle + time.Second)
	w.z.step()
	if w.z.sets != nil || len(w.v.TakeDirty().Keys) > 0 {
		t.Error("an hour later all is still held")
	}
	moved()
	change()
	if !moved() {
		t.Error("a change is no new serial any more")
	}
	if kind, _, now := c.pull(t, w.z, soa); kind != Full || !record.Newer(now.Serial, soa.Serial) {
		t.Errorf("who comes back gets %s at %d, after %d", kind, now.Serial, soa.Serial)
	}
}

// The history is bounded.
func TestHistoryIsBounded(t *testing.T) {
	w := newWorld(t, 1, answer.Newest, "")
	w.z.step()
	for i := range 3 * maxHistory / fewChanges {
		changes := make([]change, fewChanges)
		for j := range changes {
			changes[j].unit = fmt.Sprint(i, j)
		}
		w.z.publish(changes)
	}
	n := 0
	for _, s := range w.z.history {
		n += len(s.changes)
	}
	if n != w.z.cost || n > maxHistory || n < maxHistory/2 || w.z.history[len(w.z.history)-1].to != w.v.Serial() {
		t.Errorf("%d changes are kept, %d counted", n, w.z.cost)
	}
}
