package simulation

import (
	"fmt"
	"io"
	"math"
	"time"
)

// row is one line of the table.
type row struct {
	name, format string
	of           func(*report) float64
	fitted       bool // growth with N is worth a column
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func last(sorted []time.Duration) time.Duration { return quantile(sorted, 1) }

var rows = []row{
	{"gossip sent, octets/s", "%.0f", func(r *report) float64 { return r.Quiet.GossipOctets }, true},
	{"gossip sent, packets/s", "%.1f", func(r *report) float64 { return r.Quiet.GossipMessages }, true},
	{"CPU of Serf alone, ms/s", "%.2f", func(r *report) float64 { return 1e3 * r.Gossip.CPU }, true},
	{"TCP connections", "%.0f", func(r *report) float64 { return r.Conns }, true},
	{"at rest: DNS sent, octets/s", "%.0f", func(r *report) float64 { return r.Quiet.TransferOctets }, true},
	{"at rest: DNS sent, messages/s", "%.0f", func(r *report) float64 { return r.Quiet.TransferMessages }, true},
	{"with changes: DNS sent, octets/s", "%.0f", func(r *report) float64 { return r.Busy.TransferOctets }, true},
	{"with changes: DNS sent, messages/s", "%.0f", func(r *report) float64 { return r.Busy.TransferMessages }, true},
	{"CPU at rest, ms/s", "%.2f", func(r *report) float64 { return 1e3 * r.Quiet.CPU }, true},
	{"CPU with changes, ms/s", "%.2f", func(r *report) float64 { return 1e3 * r.Busy.CPU }, true},
	{"memory, KiB", "%.0f", func(r *report) float64 { return r.Memory / 1024 }, true},
	{"replication lag p50, ms", "%.1f", func(r *report) float64 { return ms(quantile(r.Lag, 0.5)) }, false},
	{"replication lag p99, ms", "%.1f", func(r *report) float64 { return ms(quantile(r.Lag, 0.99)) }, false},
	{"all members known after, ms", "%.0f", func(r *report) float64 { return ms(r.Joined) }, false},
	{"all zones held after, ms", "%.0f", func(r *report) float64 { return ms(r.Connected) }, false},
	{"dead host hidden, median, ms", "%.0f", func(r *report) float64 { return ms(quantile(r.Host.Gone, 0.5)) }, false},
	{"dead host hidden everywhere, ms", "%.0f", func(r *report) float64 { return ms(last(r.Host.Gone)) }, false},
	{"dead host: Serf everywhere, ms", "%.0f", func(r *report) float64 { return ms(last(r.Host.Failed)) }, false},
	{"killed processes hidden everywhere, ms", "%.0f", func(r *report) float64 { return ms(last(r.Process.Gone)) }, false},
	{"host back, all level, ms", "%.0f", func(r *report) float64 { return ms(r.Host.Return) }, false},
	{"partition healed, all zones level, ms", "%.0f", func(r *report) float64 { return ms(r.Heal) }, false},
	{"partition healed, Serf whole, ms", "%.0f", func(r *report) float64 { return ms(r.HealSerf) }, false},
	{"nodes hidden that were reachable", "%.0f", func(r *report) float64 { return float64(r.FalseGone) }, false},
	{"nodes failed in Serf that were reachable", "%.0f", func(r *report) float64 { return float64(r.FalseFailed) }, false},
	{"wrong answers at the end", "%.0f", func(r *report) float64 { return float64(r.Wrong) }, false},
	{"answers asked for at the end", "%.0f", func(r *report) float64 { return float64(r.Asked) }, false},
}

// print writes the reports as a table, one column each, with how every cost
// grows with N.
func print(w io.Writer, reports []*report) {
	line, rule := "| per node, per second |", "|---|"
	var ns []float64
	for _, r := range reports {
		ns = append(ns, float64(r.Nodes))
		line += fmt.Sprintf(" N=%d |", r.Nodes)
		rule += "---|"
	}
	fmt.Fprintf(w, "%s grows as |\n%s---|\n", line, rule)
	for _, row := range rows {
		line := "| " + row.name + " |"
		var ys []float64
		for _, r := range reports {
			ys = append(ys, row.of(r))
			line += fmt.Sprintf(" "+row.format+" |", row.of(r))
		}
		if row.fitted && len(reports) > 1 {
			line += growth(ns, ys)
		}
		fmt.Fprintln(w, line+" |")
	}
}

func growth(ns, ys []float64) string {
	l, p := fit(ns, ys), exponent(ns, ys)
	s := fmt.Sprintf(" %.3g %+.3g·N (R² %.3f", l.A, l.B, l.R2)
	if !math.IsNaN(p) {
		s += fmt.Sprintf(", N^%.2f", p)
	}
	return s + ")"
}

// printLimits writes up to where the full mesh stays within the bounds.
func printLimits(w io.Writer, reports []*report) {
	m := learn(reports)
	fmt.Fprintf(w, "per heartbeat: %.0f octets sent and %.1f µs of CPU; per change in the federation: %.0f octets sent and %.1f µs\n",
		m.BeatOctets, 1e6*m.BeatCPU, m.ChangeOctets, 1e6*m.ChangeCPU)
	fmt.Fprintf(w, "| changes/s in the federation | nodes within 2%% of a core | nodes within 1 Mbit/s sent |\n|---|---|---|\n")
	for _, c := range []float64{0, 1, 10, 20, 50, 100, 1000} {
		cpu, wire := m.limits(c)
		fmt.Fprintf(w, "| %g | %s | %s |\n", c, limit(cpu), limit(wire))
	}
	for _, r := range reports {
		if r.Sample < r.Nodes {
			fmt.Fprintf(w, "N=%d: Serf ran on all nodes; %d of them were connected with all others (%d connections instead of %d). "+
				"Their traffic, lag, detection and answers are as measured; CPU and memory per node are Serf's share plus N-1 times what a connection cost.\n",
				r.Nodes, r.Sample, 2*r.Sample*(r.Nodes-1)-r.Sample*(r.Sample-1), r.Nodes*(r.Nodes-1))
		}
	}
}

func limit(n int) string {
	switch {
	case n < 2:
		return "none"
	case n == endless:
		return "any number"
	}
	return fmt.Sprint(n)
}
