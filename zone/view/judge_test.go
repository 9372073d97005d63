package view

import (
	"math"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
)

// What is remembered of claims with impossible stamps goes with them.
func TestImpossibleStampsAreForgotten(t *testing.T) {
	v := New(Config{Origin: "fed.example.", Self: "pbx-a", TTL: time.Second})
	h := v.Home("pbx-z")
	claim := func(contact uint64, s location.Stamp) location.Binding {
		return location.Binding{AOR: "1001", Kind: location.PJSIP, Contact: location.ContactID(contact), Stamp: s}
	}
	apply := func(want int64, changes ...location.Change) {
		t.Helper()
		h.Apply(record.Version{Epoch: "e", Serial: 1}, nil, changes)
		if n := v.ahead.n.Load(); n != want {
			t.Errorf("%d claims are remembered, want %d", n, want)
		}
	}
	apply(1, location.Change{New: claim(1, math.MaxUint64)})
	apply(1, location.Change{New: claim(1, math.MaxUint64)})
	apply(2, location.Change{New: claim(2, math.MaxUint64-1)})
	apply(2, location.Change{Old: claim(1, math.MaxUint64), New: claim(1, math.MaxUint64-2)})
	apply(1, location.Change{Old: claim(1, math.MaxUint64-2), New: claim(1, 7)})
	apply(0, location.Change{Old: claim(2, math.MaxUint64-1)})
	h.Replace(record.Version{Epoch: "e", Serial: 2}, nil, []location.Binding{claim(1, math.MaxUint64), claim(2, 8)})
	apply(1)
	h.Replace(record.Version{Epoch: "e", Serial: 3}, nil, nil)
	apply(0)
	var many []location.Binding
	for i := range uint64(location.MaxPerName + 100) {
		many = append(many, claim(i+1, math.MaxUint64))
	}
	h.Replace(record.Version{Epoch: "e", Serial: 4}, nil, many) // into an empty home
	apply(location.MaxPerName)
	h.Replace(record.Version{Epoch: "e", Serial: 5}, nil, many)
	apply(location.MaxPerName)
	apply(location.MaxPerName, location.Change{New: claim(location.MaxPerName+7, math.MaxUint64)})
}

// A node that names no network costs nobody anything.
func TestNetworksComeAndGo(t *testing.T) {
	v := New(Config{Origin: "fed.example.", Self: "pbx-a", TTL: time.Second})
	n, ok, err := record.ParseNode("pbx-b", []string{"v=1", "a=192.0.2.1", "a@10.0.0.0/8=10.0.0.1", "state=up"})
	if !ok || err != nil {
		t.Fatal(err)
	}
	v.Home("pbx-b").Apply(record.Version{Epoch: "e", Serial: 1}, &n, nil)
	if v.nets.Load() == nil {
		t.Error("no network is known")
	}
	n.Horizons = nil
	v.Home("pbx-b").Apply(record.Version{Epoch: "e", Serial: 2}, &n, nil)
	if v.nets.Load() != nil {
		t.Error("a network is known that nobody names")
	}
}
