package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// coefficient is one figure that asterfed plan estimates with.
type coefficient struct {
	Value   float64 `json:"value"`
	Unit    string  `json:"unit"`
	Meaning string  `json:"meaning"`
}

// The federations that the coefficients come from: what differs between few
// nodes and many is due to connections, what differs between rest and load is
// due to changes.
const (
	fewNodes   = 3
	manyNodes  = 20  // no more: see crowd
	loadedRate = 100 // so many that they stand out from what the nodes take at rest
)

// beats is how many heartbeats a second a node sends to each of few peers.
const beats = 2

// coefficients measures with whole nodes what a connection and a change by
// itself cost, and puts it into the file of asterfed plan.
func (b *bench) coefficients() (string, error) {
	if err := countWire(); err != nil {
		return "", err
	}
	var rounds []map[string]coefficient
	for range solved {
		var rest, load [2]spent
		for i, n := range []int{fewNodes, manyNodes} {
			for rate, out := range map[float64]*spent{0: &rest[i], loadedRate: &load[i]} {
				s, err := b.spend(n, 0, rate)
				if err != nil {
					return "", err
				}
				*out = s
			}
		}
		rounds = append(rounds, solve(rest, load))
	}
	out := medians(rounds)
	if b.keep != "" {
		if err := keepCoefficients(b.keep, out); err != nil {
			return "", err
		}
	}
	text, err := json.MarshalIndent(out, "", "  ")
	return string(text), err
}

// solved is how many times the loads are run: the differences are small beside
// what a machine does differently the next time.
const solved = 5

// medians are those of each coefficient over rounds.
func medians(rounds []map[string]coefficient) map[string]coefficient {
	out := map[string]coefficient{}
	for name, c := range rounds[0] {
		var values []float64
		for _, r := range rounds {
			values = append(values, r[name].Value)
		}
		c.Value = median(values)
		out[name] = c
	}
	return out
}

// solve takes the loads apart, of few nodes and of many.
func solve(rest, load [2]spent) map[string]coefficient {
	each := func(s spent) float64 { return s.cpu / float64(s.nodes) }
	links := float64(manyNodes - fewNodes)
	beatCPU := (each(rest[1]) - each(rest[0])) / links / beats
	change := func(i int, of func(spent) float64) float64 { return (of(load[i]) - of(rest[i])) / load[i].rate }
	cpu, octets := func(s spent) float64 { return s.cpu }, func(s spent) float64 { return s.transfer }
	exchange := (change(1, cpu) - change(0, cpu)) / links
	return map[string]coefficient{
		"base_cpu":        {each(rest[0]) - (fewNodes-1)*beats*beatCPU, "µs/s", "a node by itself: Serf, AMI, the runtime"},
		"gossip_octets":   {2 * rest[1].gossip / manyNodes, "octets/s", "gossip of a node, in and out, on the wire"},
		"beat_cpu":        {beatCPU, "µs", "a link, for each heartbeat of its pair"},
		"beat_octets":     {rest[1].transfer / (manyNodes * (manyNodes - 1) * beats), "octets", "the same, its octets both ways on the wire"},
		"exchange_cpu":    {exchange, "µs", "a change by itself, over a link: NOTIFY and IXFR, both ends"},
		"exchange_octets": {change(1, octets) / (manyNodes - 1), "octets", "the same, both ways, on the wire"},
		"own_cpu":         {change(0, cpu) - (fewNodes-1)*exchange, "µs", "a change at its home: AMI, journal, history"},
	}
}

// keepCoefficients replaces those of a file that are given.
func keepCoefficients(file string, some map[string]coefficient) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read coefficients: %w", err)
	}
	var all struct {
		Coefficients           map[string]coefficient `json:"coefficients"`
		Command, Date, Machine string
	}
	if err := json.Unmarshal(raw, &all); err != nil {
		return fmt.Errorf("read coefficients: %w", err)
	}
	for name, c := range some {
		if c.Value <= 0 {
			return fmt.Errorf("%s came out as %g %s: the machine is too busy to tell; measure again", name, c.Value, c.Unit)
		}
		all.Coefficients[name] = c
	}
	raw, err = json.MarshalIndent(map[string]any{"command": "make coefficients", "date": time.Now().UTC().Format(time.DateOnly),
		"machine": fmt.Sprintf("%d cores, %s/%s, %s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version()), "coefficients": all.Coefficients}, "", "  ")
	if err == nil {
		err = os.WriteFile(file, append(raw, '\n'), 0o644)
	}
	if err != nil {
		return fmt.Errorf("write coefficients: %w", err)
	}
	return nil
}

// planned are the loads that asterfed plan is compared with: of cores there must
// be enough, since a node has its own where it is planned.
var planned = []struct {
	nodes, users int
	rate         float64
}{{4, 1000, 8}, {8, 1000, 8}, {16, 1000, 4}, {8, 20_000, 8}}

// plan compares what asterfed plan says with real runs.
func (b *bench) plan() (string, error) {
	if err := countWire(); err != nil {
		return "", err
	}
	var out strings.Builder
	out.WriteString("| nodes, users, changes/s | kB/s on the wire, a node: plan, run | CPU ms/s a node: plan, run | memory MB a node: plan, run |\n|---|---|---|---|\n")
	for _, l := range planned {
		raw, err := exec.Command(filepath.Join(b.bin, "asterfed"), "plan", "--json", "--nodes", fmt.Sprint(l.nodes),
			"--users", fmt.Sprint(l.users), "--moves", fmt.Sprintf("%g/s", l.rate)).Output()
		if err != nil {
			return "", fmt.Errorf("ask asterfed plan: %w", err)
		}
		var p struct{ Memory, Bandwidth, CPU float64 }
		if err := json.Unmarshal(raw, &p); err != nil {
			return "", fmt.Errorf("read asterfed plan: %w", err)
		}
		s, err := b.spend(l.nodes, l.users, l.rate)
		if err != nil {
			return "", err
		}
		n := float64(s.nodes)
		fmt.Fprintf(&out, "| %d, %d, %g | %s | %s | %s |\n", l.nodes, l.users, l.rate, beside(p.Bandwidth/1e3, 2*(s.transfer+s.gossip)/n/1e3),
			beside(p.CPU*1e3, s.cpu/n/1e3), beside(p.Memory/1e6, s.memory/n/1e6))
	}
	return out.String(), nil
}

// beside writes a plan, a run, and how far the plan is off.
func beside(plan, run float64) string {
	return fmt.Sprintf("%.3g, %.3g (%+.0f%%)", plan, run, 100*(plan/run-1))
}
