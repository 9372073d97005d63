package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
)

const (
	few  = 1_000
	many = 6_000
)

// limit is how much more than the baseline is an error.
const limit = 1.10

func main() {
	baseline := flag.String("baseline", "test/guard/baseline.txt", "`FILE` with what is known")
	write := flag.Bool("write", false, "write the baseline")
	run := flag.String("run", "", "run one `PATH`")
	times := flag.Int("times", few, "run it so many `TIMES`")
	flag.Parse()
	var err error
	switch {
	case *run != "":
		err = repeat(*run, *times)
	default:
		err = guard(*baseline, *write)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "guard:", err)
		os.Exit(1)
	}
}

// repeat is what valgrind looks at.
func repeat(name string, times int) error {
	debug.SetGCPercent(-1)
	for _, p := range paths {
		if p.name == name {
			f := p.make(newView())
			for range times {
				f()
			}
			return nil
		}
	}
	return fmt.Errorf("no path %q", name)
}

// cost is what one time takes.
type cost struct{ instructions, allocations float64 }

func guard(file string, write bool) error {
	known, err := read(file)
	if err != nil && !write {
		return err
	}
	var out strings.Builder
	var worse []error
	for _, p := range paths {
		c, err := measure(p)
		if err != nil {
			return fmt.Errorf("measure %s: %w", p.name, err)
		}
		k, ok := known[p.name]
		fmt.Printf("%-12s %8.0f instructions (%6.0f)  %4.0f allocations (%4.0f)\n", p.name, c.instructions, k.instructions, c.allocations, k.allocations)
		fmt.Fprintf(&out, "%s %.0f %.0f\n", p.name, c.instructions, c.allocations)
		if !ok || c.instructions > k.instructions*limit || c.allocations > k.allocations*limit {
			worse = append(worse, fmt.Errorf("%s takes more than the baseline, %s", p.name, file))
		}
	}
	if write {
		return os.WriteFile(file, []byte(out.String()), 0o644)
	}
	return errors.Join(worse...)
}

func measure(p path) (c cost, err error) {
	c.allocations = testing.AllocsPerRun(many, p.make(newView()))
	a, err := instructions(p.name, few)
	if err != nil {
		return c, err
	}
	b, err := instructions(p.name, many)
	c.instructions = (b - a) / (many - few)
	return c, err
}

var collected = regexp.MustCompile(`Collected : (\d+)`)

// instructions counts those of a process that runs a path.
func instructions(name string, times int) (float64, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, fmt.Errorf("find this program: %w", err)
	}
	cmd := exec.Command("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", self, "-run", name, "-times", strconv.Itoa(times))
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1", "GODEBUG=asyncpreemptoff=1")
	out, err := cmd.CombinedOutput()
	m := collected.FindSubmatch(out)
	if err != nil || m == nil {
		return 0, fmt.Errorf("valgrind on %s: %v: %s", runtime.GOARCH, err, out)
	}
	return strconv.ParseFloat(string(m[1]), 64)
}

// read reads a baseline: path, instructions and allocations, a line for each.
func read(file string) (map[string]cost, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read baseline: %w", err)
	}
	out := map[string]cost{}
	for line := range strings.Lines(string(raw)) {
		var name string
		var c cost
		if _, err := fmt.Sscan(line, &name, &c.instructions, &c.allocations); err != nil {
			return nil, fmt.Errorf("read baseline: %q: %w", line, err)
		}
		out[name] = c
	}
	return out, nil
}
