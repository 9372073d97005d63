package plan

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

func TestPlanReadsItsCoefficients(t *testing.T) {
	m, err := readCoefficients(coefficientsJSON)
	if err != nil {
		t.Fatal(err)
	}
	if m.Command == "" || m.Date == "" || m.Machine == "" {
		t.Errorf("command %q, date %q, machine %q: want all three", m.Command, m.Date, m.Machine)
	}
	for name, c := range m.Coefficients {
		if c.Value <= 0 || c.Unit == "" || c.Meaning == "" {
			t.Errorf("%s is %+v: want a value above zero, its unit and meaning", name, c)
		}
	}
	var out bytes.Buffer
	if err := m.plan(40, 250_000, 50).print(&out, m); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"memory", "bandwidth", "CPU", "convergence", m.Date} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s is missing in\n%s", want, &out)
		}
	}
}

// What a node pays grows with users, and with nodes, in a straight line.
func TestPlanIsLinear(t *testing.T) {
	m, err := readCoefficients(coefficientsJSON)
	if err != nil {
		t.Fatal(err)
	}
	line := func(what string, at func(i int) float64) {
		one, two, three := at(1), at(2), at(3)
		if math.Abs((three-two)-(two-one)) > 1e-6*three {
			t.Errorf("%s grows by %g, then by %g", what, two-one, three-two)
		}
	}
	line("memory with users", func(i int) float64 { return m.plan(10, i*100_000, 1).memory })
	line("join with users", func(i int) float64 { return m.plan(10, i*100_000, 1).join.Seconds() })
	line("CPU with nodes", func(i int) float64 { return m.plan(1+10*i, 1000, float64(1+10*i)).cpu })
	line("bandwidth with users moving at nodes", func(i int) float64 { return m.plan(1+10*i, 1000, float64(1+10*i)).bandwidth })
	for _, n := range []int{51, 100, 200, 1000} { // heartbeats slow down: decision 142
		if a, b := m.plan(n, 1000, 0), m.plan(51, 1000, 0); math.Abs(a.bandwidth-b.bandwidth) > 1e-6*b.bandwidth || math.Abs(a.cpu-b.cpu) > 1e-6*b.cpu {
			t.Errorf("%d nodes at rest: %g octets/s and %g cores, want those of 51: %g and %g", n, a.bandwidth, a.cpu, b.bandwidth, b.cpu)
		}
	}
	line("bandwidth with moves", func(i int) float64 { return m.plan(10, 1000, float64(i)).bandwidth })
}

func TestParseRate(t *testing.T) {
	for s, want := range map[string]float64{"50/s": 50, "60/m": 1, "7200/h": 2, "0.5/s": 0.5} {
		if got, err := parseRate(s); err != nil || got != want {
			t.Errorf("parseRate(%q) = %v, %v, want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "50", "x/s", "1/d", "-1/s", "/s"} {
		if got, err := parseRate(s); err == nil {
			t.Errorf("parseRate(%q) = %v, want an error", s, got)
		}
	}
}

func TestPlanForPrograms(t *testing.T) {
	var out bytes.Buffer
	app := &cli.App{Writer: &out, Commands: []*cli.Command{Command}}
	if err := app.Run([]string{"asterfed", "plan", "--json", "--nodes", "8", "--users", "1000"}); err != nil {
		t.Fatal(err)
	}
	var got map[string]float64
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"memory", "bandwidth", "cpu", "convergence", "join", "joinOctets"} {
		if got[key] <= 0 {
			t.Errorf("%s is %g in %s", key, got[key], &out)
		}
	}
}
