package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// What a load is made of comes out of it again.
func TestSolve(t *testing.T) {
	const base, beat, exchange, own = 5000.0, 100.0, 300.0, 900.0
	of := func(nodes int, rate float64) spent {
		n, links := float64(nodes), float64(nodes-1)
		return spent{nodes: nodes, rate: rate, cpu: n*(base+links*beats*beat) + rate*(own+links*exchange),
			transfer: n*links*beats*500 + rate*links*2000, gossip: n * 1500}
	}
	got := solve([2]spent{of(fewNodes, 0), of(manyNodes, 0)}, [2]spent{of(fewNodes, 20), of(manyNodes, 19)})
	for name, want := range map[string]float64{"base_cpu": base, "beat_cpu": beat, "exchange_cpu": exchange, "own_cpu": own,
		"beat_octets": 500, "exchange_octets": 2000, "gossip_octets": 3000} {
		if math.Abs(got[name].Value-want) > 1e-6*want || got[name].Unit == "" {
			t.Errorf("%s is %+v, want %g", name, got[name], want)
		}
	}
}

// A round that something else has disturbed changes nothing, and what cannot be is not kept.
func TestCoefficientsAreMedians(t *testing.T) {
	round := func(v float64) map[string]coefficient { return map[string]coefficient{"a": {v, "s", "x"}} }
	if got := medians([]map[string]coefficient{round(3), round(-70), round(4)})["a"]; got != (coefficient{3, "s", "x"}) {
		t.Errorf("got %+v", got)
	}
	file := filepath.Join(t.TempDir(), "c.json")
	const kept = `{"coefficients": {"a": {"value": 1}}}`
	if err := os.WriteFile(file, []byte(kept), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := keepCoefficients(file, round(-1)); err == nil {
		t.Error("kept what is less than nothing")
	}
	if raw, _ := os.ReadFile(file); string(raw) != kept {
		t.Errorf("file is %s", raw)
	}
}

func TestKeepCoefficients(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.json")
	if err := os.WriteFile(file, []byte(`{"coefficients": {"a": {"value": 1}, "b": {"value": 2}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := keepCoefficients(file, map[string]coefficient{"b": {3, "s", "x"}}); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Coefficients map[string]coefficient
		Date         string
	}
	if err := json.Unmarshal(raw, &got); err != nil || got.Date == "" || got.Coefficients["a"].Value != 1 || got.Coefficients["b"].Value != 3 {
		t.Errorf("%v: %s", err, raw)
	}
}

func TestParseWire(t *testing.T) {
	const said = `{"nftables": [{"metainfo": {"version": "1.0.6"}},
 {"counter": {"family": "inet", "name": "transfer", "table": "wire", "handle": 1, "packets": 3, "bytes": 300}},
 {"counter": {"family": "inet", "name": "gossip", "table": "wire", "handle": 2, "packets": 2, "bytes": 250}}]}`
	if got, err := parseWire([]byte(said)); err != nil || got["transfer"] != 300 || got["gossip"] != 250 {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"", `{"nftables": []}`} {
		if _, err := parseWire([]byte(bad)); err == nil {
			t.Errorf("no error from %q", bad)
		}
	}
}

func TestBeside(t *testing.T) {
	if got := beside(120, 100); got != "120, 100 (+20%)" {
		t.Error(got)
	}
}
