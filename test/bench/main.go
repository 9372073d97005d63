package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options are what the command line says.
type options struct {
	names, rounds int
	nodes         int           // of the largest federation
	each          time.Duration // one measurement of dnsperf
	parts         string
	write         string
	bin           string
	keep          string // file of coefficients
	profiles      string
	soakTime      time.Duration
}

// parts are what can be measured, in this order.
var parts = []struct {
	name string
	run  func(*bench) (string, error)
	also bool // only if it is asked for
}{
	{"dns", (*bench).dns, false},
	{"change", (*bench).change, false},
	{"instructions", (*bench).instructions, false},
	{"dundi", (*bench).dundi, false},
	{"coefficients", (*bench).coefficients, true},
	{"plan", (*bench).plan, true},
	{"soak", (*bench).soak, true},
}

// bench is one run.
type bench struct {
	options
	dir string
	w   *world
}

func main() {
	var o options
	flag.IntVar(&o.names, "names", 1_000_000, "`NUMBERS` in the zone")
	flag.IntVar(&o.rounds, "rounds", 5, "`ROUNDS` in which all servers take turns")
	flag.IntVar(&o.nodes, "nodes", 10, "`NODES` of the largest federation")
	flag.DurationVar(&o.each, "each", time.Second, "`TIME` that each server is asked in a round, for each kind of question")
	flag.StringVar(&o.parts, "parts", "", "measure only these `PARTS`, with commas between them")
	flag.StringVar(&o.write, "write", "", "write the tables between the markers of `FILE`")
	flag.StringVar(&o.keep, "coefficients", "", "keep what is measured in `FILE`, for asterfed plan")
	flag.StringVar(&o.bin, "bin", "bin", "`DIR` with asterfed and the other servers that make builds")
	flag.StringVar(&o.profiles, "profile", "", "write what the first node of a federation spends its time on into `DIR`, for go tool pprof")
	flag.DurationVar(&o.soakTime, "for", 30*time.Second, "`TIME` in which nothing happens, for the soak")
	flag.Parse()
	if err := start(o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// insideEnv is set in the process that runs in the namespace.
const insideEnv = "ASTERFED_BENCH_INSIDE"

// start runs this program again in a network namespace of its own, whose
// loopback is nobody else's.
func start(o options) error {
	if addr := os.Getenv(insideSource); addr != "" {
		return source(addr)
	}
	if os.Getenv(insideEnv) != "" {
		return measure(o)
	}
	if os.Geteuid() != 0 {
		return errors.New("root is needed, for a network namespace")
	}
	runtime.LockOSThread() // Pdeathsig is about the thread that starts
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Env = append(os.Environ(), insideEnv+"=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("measure in a namespace: %w", err)
	}
	return nil
}

func measure(o options) (err error) {
	runtime.LockOSThread() // as above, for the servers
	if runtime.NumCPU() < 2 {
		return errors.New("two cores are needed: one asks, one answers")
	}
	if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		return fmt.Errorf("set lo up: %w: %s", err, out)
	}
	if o.bin, err = filepath.Abs(o.bin); err != nil {
		return fmt.Errorf("find folder of binaries: %w", err)
	}
	dir, err := os.MkdirTemp("", "asterfed-bench")
	if err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	defer os.RemoveAll(dir)
	b := &bench{options: o, dir: dir, w: newWorld(o.names)}
	for _, p := range parts {
		if o.parts == "" && p.also || o.parts != "" && !slices.Contains(strings.Split(o.parts, ","), p.name) {
			continue
		}
		text, err := p.run(b)
		if err != nil {
			return fmt.Errorf("measure %s: %w", p.name, err)
		}
		if text == "" { // left out
			continue
		}
		text += "\n" + machine(o, p.name) + "\n"
		fmt.Printf("\n%s\n", text)
		if o.write != "" && p.name != "coefficients" {
			if err := replaceSection(o.write, p.name, text); err != nil {
				return err
			}
		}
	}
	return nil
}
