// Package plan estimates what a federation costs each of its nodes, from
// coefficients that were measured.
package plan

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/asterfed/asterfed/cmd/asterfed/command"
	"github.com/asterfed/asterfed/zone/peer"
	"github.com/urfave/cli/v2"
)

// Command is "asterfed plan".
var Command = &cli.Command{
	Name:  "plan",
	Usage: "estimate what a federation of a given size costs each node",
	Description: "Estimates from coefficients that were measured on one machine (make coefficients).\n" +
		"docs/scale.md compares the estimates with real runs.",
	Flags: []cli.Flag{
		&cli.IntFlag{Name: "nodes", Value: 3, Usage: "number of `NODES`"},
		&cli.IntFlag{Name: "users", Value: 1000, Usage: "registered `USERS` in all"},
		&cli.BoolFlag{Name: "json", Usage: "print it for programs: octets, octets/s, cores, seconds, each for one node"},
		&cli.StringFlag{Name: "moves", Value: "1/s", Usage: "users that register, move or go, in all: `N/s`, N/m or N/h"},
	},
	Action: func(c *cli.Context) error {
		moves, err := parseRate(c.String("moves"))
		if err != nil {
			return command.Usage(err)
		}
		if c.Int("nodes") < 1 || c.Int("users") < 0 {
			return cli.Exit("plan: want at least one node, and no negative number of users", 2)
		}
		m, err := readCoefficients(coefficientsJSON)
		if err != nil {
			return err
		}
		p := m.plan(c.Int("nodes"), c.Int("users"), moves)
		if c.Bool("json") {
			return json.NewEncoder(c.App.Writer).Encode(map[string]float64{"memory": p.memory, "bandwidth": p.bandwidth,
				"cpu": p.cpu, "convergence": p.converge.Seconds(), "join": p.join.Seconds(), "joinOctets": p.joinOctets})
		}
		return p.print(c.App.Writer, m)
	},
}

// coefficientsJSON is what make coefficients has measured: test/bench with
// whole nodes, BenchmarkCoefficients of package xfr with many bindings at a time.
//
//go:embed coefficients.json
var coefficientsJSON []byte

// measured are the coefficients and where they come from.
type measured struct {
	Command, Date, Machine string
	Coefficients           map[string]struct {
		Value         float64
		Unit, Meaning string
	}
}

func readCoefficients(raw []byte) (m measured, err error) {
	if err := json.Unmarshal(raw, &m); err != nil {
		return m, fmt.Errorf("read coefficients: %w", err)
	}
	for _, name := range []string{"base_cpu", "gossip_octets", "beat_cpu", "beat_octets", "own_cpu", "exchange_cpu", "exchange_octets", "change_cpu",
		"change_octets", "join_cpu", "join_octets", "user_heap", "spacing"} {
		if c, ok := m.Coefficients[name]; !ok {
			return m, fmt.Errorf("read coefficients: %s is missing", name)
		} else if c.Value <= 0 {
			return m, fmt.Errorf("read coefficients: %s is %g %s, want more than nothing", name, c.Value, c.Unit)
		}
	}
	return m, nil
}

func (m measured) at(name string) float64 { return m.Coefficients[name].Value }

// parseRate reads "50/s" as a number per second.
func parseRate(s string) (float64, error) {
	n, per, ok := strings.Cut(s, "/")
	seconds := map[string]float64{"s": 1, "m": 60, "h": 3600}[per]
	v, err := strconv.ParseFloat(n, 64)
	if !ok || seconds == 0 || err != nil || v < 0 || v > 1e9 {
		return 0, fmt.Errorf("rate %q: want N/s, N/m or N/h", s)
	}
	return v / seconds, nil
}

// planned is what a federation costs, each figure for one node.
type planned struct {
	nodes      int
	memory     float64       // octets, resident
	bandwidth  float64       // octets a second on the wire, in and out together
	cpu        float64       // cores
	converge   time.Duration // a change, until every node has it
	join       time.Duration // a cold node, on one core
	joinOctets float64
}

// The parts of a node's memory that no coefficient tells: Go collects when
// the heap has doubled, and the program itself takes its share.
const (
	heapGrowth = 2
	program    = 35e6 // resident, of a node with few users: make plan
	link       = 37e3 // make simulate: two connections with a peer
)

// plan estimates. Each node has a link to each other one; a link costs its
// heartbeats, which slow down as peers become many, a step for each version of the
// zone it carries, and a share for each binding more in it. Every second end of
// every link is a node's own; one heartbeat goes for both links of a pair.
func (m measured) plan(nodes, users int, moves float64) planned {
	links := float64(nodes - 1)
	perNode := moves / float64(nodes)
	versions := min(perNode, 1000/m.at("spacing"))
	spacing := time.Duration(0)
	if perNode > versions {
		spacing = time.Duration(m.at("spacing") * float64(time.Millisecond))
	}
	beats := links / peer.LAN.Among(nodes-1).Heartbeat.Seconds()
	more := perNode - versions // what comes together with another
	micros := m.at("base_cpu") + perNode*m.at("own_cpu") + beats*m.at("beat_cpu") + links*(versions*m.at("exchange_cpu")+more*m.at("change_cpu"))
	wire := beats*m.at("beat_octets") + links*(versions*m.at("exchange_octets")+more*m.at("change_octets"))
	return planned{
		nodes:      nodes,
		memory:     program + links*link + heapGrowth*float64(users)*m.at("user_heap"),
		bandwidth:  m.at("gossip_octets") + 2*wire,
		cpu:        micros / 1e6,
		converge:   spacing + time.Duration(links*m.at("exchange_cpu"))*time.Microsecond,
		join:       time.Duration(float64(users) * m.at("join_cpu") * float64(time.Microsecond)),
		joinOctets: float64(users) * m.at("join_octets"),
	}
}

func (p planned) print(out io.Writer, m measured) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	n := float64(p.nodes)
	fmt.Fprintf(w, "\tper node\tin all\n")
	fmt.Fprintf(w, "memory\t%s\t%s\n", octets(p.memory), octets(p.memory*n))
	fmt.Fprintf(w, "bandwidth on the wire\t%s/s\t%s/s\n", octets(p.bandwidth), octets(p.bandwidth*n/2))
	fmt.Fprintf(w, "CPU\t%.3g cores\t%.3g cores\n", p.cpu, p.cpu*n)
	fmt.Fprintf(w, "convergence\t%v + 2 RTT\t\n", p.converge.Round(10*time.Microsecond))
	fmt.Fprintf(w, "cold start\t%v CPU, %s\t\n", p.join.Round(time.Millisecond), octets(p.joinOctets))
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\nMeasured %s with %s: %s.\n", m.Date, m.Command, m.Machine)
	return err
}

// octets writes a size with a decimal prefix.
func octets(n float64) string {
	for _, unit := range []string{"B", "kB", "MB", "GB"} {
		if n < 1000 {
			return fmt.Sprintf("%.3g %s", n, unit)
		}
		n /= 1000
	}
	return fmt.Sprintf("%.3g TB", n)
}
