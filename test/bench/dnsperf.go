package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

// The cores: one asks, the other one answers. Knot binds its threads to cores
// itself, from 0 on: it would answer on the core that asks otherwise, where
// nobody has to wake another core up.
const (
	askingCore    = 1
	answeringCore = 0
)

// steadyRate is how many queries a second are asked for the CPU that each takes:
// as many of every server that can answer them, since one that is asked less
// often sleeps more often, and to wake up costs as much as several queries.
const steadyRate = 50_000

// sample is one measurement of one server.
type sample struct {
	qps, cpu float64 // queries a second as fast as it answers; µs of CPU for each at steadyRate
	lost     float64 // share of queries without an answer
}

// sample asks a server as fast as it answers, and at the steady rate.
func (b *bench) sample(c *contender, kind string) (sample, error) {
	fast, err := b.dnsperf(c, kind)
	if err != nil {
		return fast, err
	}
	steady, err := b.dnsperf(c, kind, "-Q", strconv.Itoa(steadyRate))
	return sample{qps: fast.qps, cpu: steady.cpu, lost: max(fast.lost, steady.lost)}, err
}

// dnsperf asks a server.
func (b *bench) dnsperf(c *contender, kind string, more ...string) (sample, error) {
	ctx, cancel := context.WithTimeout(context.Background(), b.each+20*time.Second)
	defer cancel()
	args := append([]string{"-c", strconv.Itoa(askingCore), "dnsperf", "-s", c.addr, "-p", port, "-T", "1", "-c", "8",
		"-q", "200", "-t", "1", "-l", fmt.Sprint(b.each.Seconds()), "-d", filepath.Join(b.dir, kind+".questions")}, more...)
	cmd := exec.CommandContext(ctx, "taskset", args...)
	cpu := c.p.CPU()
	out, err := cmd.CombinedOutput()
	cpu = c.p.CPU() - cpu
	if err != nil {
		return sample{}, fmt.Errorf("run dnsperf: %w: %s", err, out)
	}
	return parseDnsperf(string(out), cpu)
}

var (
	sentLine      = regexp.MustCompile(`Queries sent: +(\d+)`)
	completedLine = regexp.MustCompile(`Queries completed: +(\d+)`)
	qpsLine       = regexp.MustCompile(`Queries per second: +([0-9.]+)`)
)

// parseDnsperf reads what dnsperf says at its end.
func parseDnsperf(out string, cpu time.Duration) (s sample, err error) {
	var n [3]float64
	for i, re := range []*regexp.Regexp{sentLine, completedLine, qpsLine} {
		m := re.FindStringSubmatch(out)
		if m == nil {
			return s, fmt.Errorf("read dnsperf's output: no match for %q: %s", re, out)
		}
		if n[i], err = strconv.ParseFloat(m[1], 64); err != nil {
			return s, fmt.Errorf("read dnsperf's output: %w", err)
		}
	}
	if n[0] == 0 || n[1] == 0 {
		return s, fmt.Errorf("read dnsperf's output: nothing was answered: %s", out)
	}
	return sample{qps: n[2], cpu: cpu.Seconds() * 1e6 / n[1], lost: 1 - n[1]/n[0]}, nil
}
