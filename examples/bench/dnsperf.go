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

// The cores: one asks, the other one answers.
const (
	askingCore    = 0
	answeringCore = 1
)

// sample is one measurement of one server.
type sample struct {
	qps, cpu float64 // queries a second; µs of CPU for each
	lost     float64 // share of queries without an answer
}

// dnsperf asks a server as fast as it answers.
func (b *bench) dnsperf(c *contender, kind string) (sample, error) {
	ctx, cancel := context.WithTimeout(context.Background(), b.each+20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "taskset", "-c", strconv.Itoa(askingCore), "dnsperf", "-s", c.addr, "-p", port, "-T", "1", "-c", "8",
		"-q", "200", "-t", "1", "-l", fmt.Sprint(b.each.Seconds()), "-d", filepath.Join(b.dir, kind+".questions"))
	cpu := c.p.cpu()
	out, err := cmd.CombinedOutput()
	cpu = c.p.cpu() - cpu
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
