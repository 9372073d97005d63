package chaos

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Report is the outcome of a run.
type Report struct {
	// Failures are the lines that fail the run.
	Failures []string
	// Table is for people.
	Table string
}

// report prints the table and collects what fails the run.
func (l *Lab) report(f final) *Report {
	l.lines.Wait()
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	t := &l.w.tally
	var b strings.Builder
	tw := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "fault\ttimes\tnoticed med\tmax\thealed med\tmax\tdead\tmissing\twrong\toutranked\tunheard\tover budget\t")
	for _, k := range kinds {
		l.row(tw, k.name)
	}
	tw.Flush()
	fmt.Fprintln(&b)
	for v := range verdicts {
		fmt.Fprintf(tw, "%s\t%d\tlongest %.3fs\t\n", verdictNames[v], t.count[v], t.longest[v].Seconds())
	}
	tw.Flush()
	fmt.Fprintf(&b, "%d answers, %d questions unanswered, %d registrations; %d answers beyond their budget, %d false failures\n",
		t.answers, t.unanswered, t.acts, t.breached, len(t.falseGone))
	fmt.Fprintf(&b, "every view level with the truth %.2fs after the last fault; %d users waited for their refresh\n",
		f.level.Seconds(), f.unheard)
	r := &Report{Table: b.String()}
	r.Failures = append(r.Failures, t.violations...)
	for _, d := range f.differ {
		r.Failures = append(r.Failures, "not level: "+d)
	}
	for _, d := range t.falseGone {
		r.Failures = append(r.Failures, "false failure: "+d)
	}
	for _, n := range l.nodes {
		for _, err := range n.pbx.Errors() {
			r.Failures = append(r.Failures, n.name+": "+err.Error())
		}
	}
	for _, err := range l.errs {
		r.Failures = append(r.Failures, err.Error())
	}
	for line := range strings.Lines(r.Table) {
		fmt.Fprintf(l.cfg.Out, "chaos: %s", line)
	}
	return r
}

// row sums up the faults of one kind.
func (l *Lab) row(tw *tabwriter.Writer, name string) {
	var noticed, healed []time.Duration
	var count [verdicts]int
	times, over := 0, 0
	for _, o := range l.outages {
		if o.kind != name {
			continue
		}
		times++
		over += o.violations
		for _, d := range o.detect {
			noticed = append(noticed, d)
		}
		for _, d := range o.recover {
			healed = append(healed, d)
		}
		for v := range count {
			count[v] += o.count[v]
		}
	}
	if times == 0 {
		return
	}
	fmt.Fprintf(tw, "%s\t%d\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t\n", name, times, spread(noticed), spread(healed),
		count[dead], count[missing], count[wrong], count[outranked], count[unheard], over)
}

// spread gives the median and the maximum, over nodes and faults.
func spread(d []time.Duration) string {
	if len(d) == 0 {
		return "-\t-"
	}
	slices.Sort(d)
	return fmt.Sprintf("%.2fs\t%.2fs", d[len(d)/2].Seconds(), d[len(d)-1].Seconds())
}
