package main

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"
)

func (s sample) rate() float64 { return s.qps }
func (s sample) cost() float64 { return s.cpu }

// tables are what was measured, a row for each server and a column for each
// kind of question: medians, and ratios to the first server taken round by
// round, above one where that one is faster.
func (m measured) tables(all []*contender, w *world) string {
	var out strings.Builder
	for _, q := range questions {
		fmt.Fprintf(&out, "- *%s*: %s\n", q.kind, q.what)
	}
	m.table(&out, all, fmt.Sprintf("CPU µs a query, %d a second", steadyRate), func(_, mine []sample) string { return fmt.Sprintf("%.1f", median(column(mine, sample.cost))) })
	m.table(&out, all, "queries a second on one core", func(_, mine []sample) string { return fmt.Sprintf("%.0f", median(column(mine, sample.rate))) })
	name := all[0].name
	m.table(&out, all[1:], "how many queries "+name+" answers with the CPU that this one takes for one", func(first, mine []sample) string {
		return ratios(mine, first, sample.cost)
	})
	m.table(&out, all[1:], "queries a second of "+name+", as a multiple", func(first, mine []sample) string {
		return ratios(first, mine, sample.rate)
	})
	if lost := m.lost(); lost > 0.001 {
		fmt.Fprintf(&out, "\nUp to %.1f%% of the questions of a round were not answered.\n", 100*lost)
	}
	fmt.Fprintf(&out, "\n| loaded on one core, %d numbers | until the last number is answered, s | resident memory, MB | octets a number |\n|---|---|---|---|\n", w.numbers)
	for _, c := range all {
		if !c.constant {
			fmt.Fprintf(&out, "| %s | %.2f | %.0f | %.0f |\n", c.name, c.loaded.Seconds(), float64(c.rss)/1e6, float64(c.rss)/float64(w.numbers))
		}
	}
	return out.String()
}

// table writes one, with what cell makes of the samples of the first server
// and of the row's.
func (m measured) table(out *strings.Builder, rows []*contender, title string, cell func(first, mine []sample) string) {
	fmt.Fprintf(out, "\n| %s |", title)
	for _, q := range questions {
		fmt.Fprintf(out, " %s |", q.kind)
	}
	out.WriteString("\n|---|" + strings.Repeat("---|", len(questions)) + "\n")
	for _, c := range rows {
		fmt.Fprintf(out, "| %s |", c.name)
		for _, q := range questions {
			text := ""
			if mine := m[q.kind][c]; mine != nil {
				text = cell(m[q.kind][m.first()], mine)
			}
			fmt.Fprintf(out, " %s |", text)
		}
		out.WriteString("\n")
	}
}

// first is the server that the others are compared with.
func (m measured) first() *contender {
	for _, of := range m {
		for c := range of {
			if c.first {
				return c
			}
		}
	}
	return nil
}

func (m measured) lost() (most float64) {
	for _, of := range m {
		for _, all := range of {
			for _, s := range all {
				most = max(most, s.lost)
			}
		}
	}
	return most
}

func column(all []sample, f func(sample) float64) (out []float64) {
	for _, s := range all {
		out = append(out, f(s))
	}
	return out
}

// ratios writes the median of a's values over b's, and the least and greatest.
func ratios(a, b []sample, f func(sample) float64) string {
	var all []float64
	for i := range min(len(a), len(b)) {
		all = append(all, f(a[i])/f(b[i]))
	}
	return fmt.Sprintf("%.2f (%.2f to %.2f)", median(all), slices.Min(all), slices.Max(all))
}

// median wants at least one value.
func median(all []float64) float64 {
	s := slices.Sorted(slices.Values(all))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

// machine says where, with what and how the figures were taken.
func machine(o options, part string) string {
	var cpu, load, kernel string
	if raw, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if m := regexp.MustCompile(`model name\s*: (.*)`).FindSubmatch(raw); m != nil {
			cpu = string(m[1])
		}
	}
	if raw, err := os.ReadFile("/proc/loadavg"); err == nil {
		load = strings.Fields(string(raw))[0]
	}
	if raw, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		kernel, _, _ = strings.Cut(strings.TrimSpace(string(raw)), "-")
	}
	args := fmt.Sprintf("-names %d -rounds %d -each %v", o.names, o.rounds, o.each)
	if part == "soak" {
		args = fmt.Sprintf("-for %v", o.soakTime)
	}
	return fmt.Sprintf("Taken %s, %d cores of %s, Linux %s, %s, %s; load average %s at the end. `make bench ARGS=\"-parts %s %s\"`",
		time.Now().UTC().Format(time.DateOnly), runtime.NumCPU(), cpu, kernel, runtime.Version(), versions(), load, part, args)
}

// versions tells those of the servers that are compared.
func versions() string {
	var out []string
	for _, p := range []string{"nsd", "knot", "bind9", "dnsperf"} {
		v, err := exec.Command("dpkg-query", "-W", "-f", "${Package} ${Version}", p).Output()
		if err == nil {
			out = append(out, string(v))
		}
	}
	return strings.Join(out, ", ")
}
