package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// How many questions are asked one after the other for each count of
// instructions, and how many counts there are, the first of which does not
// matter.
const (
	counted = 1_000
	counts  = 6
)

// measuredFor are the kinds of questions whose instructions are counted.
var measuredFor = []string{"hit", "miss"}

// floor names the server whose plugin does nothing but answer, for those with
// *prometheus* and those without.
func floor(of string) string {
	if strings.HasSuffix(of, "prometheus") {
		return "CoreDNS constant + prometheus"
	}
	return "CoreDNS constant"
}

// instructions counts, with valgrind, what each server executes for a question:
// the median of several counts, so that a collection of all names, which may
// fall into one of them, does not make it. The kernel's part is not in it.
func (b *bench) instructions() (string, error) {
	slow := func(name, more string) *contender {
		c := asterfed(name, more)
		c.files["Corefile"] = strings.Replace(c.files["Corefile"], "rpc    off", "rpc    off\n        fast   off", 1)
		return c
	}
	all := []*contender{
		asterfed("asterfed", ""), asterfed("asterfed + prometheus", prometheus),
		slow("asterfed, chain of plugins", ""), slow("asterfed, chain of plugins + prometheus", prometheus),
	}
	for _, c := range contenders() {
		if c.constant {
			all = append(all, c)
		}
	}
	got := map[string]map[string]float64{}
	for i, c := range all {
		b.progress("%s", c.name)
		n, err := b.counted(c, i)
		if err != nil {
			return "", fmt.Errorf("%s: %w", c.name, err)
		}
		got[c.name] = n
	}
	var out strings.Builder
	fmt.Fprintf(&out, "| instructions a query, %d numbers | %s |\n|---|%s\n", b.names, strings.Join(measuredFor, " | "), strings.Repeat("---|", len(measuredFor)))
	for _, c := range all {
		fmt.Fprintf(&out, "| %s |", c.name)
		for _, kind := range measuredFor {
			// The constant answer is the same for every question.
			n, least := got[c.name][kind], got[floor(c.name)]["hit"]
			if c.constant && kind != "hit" {
				out.WriteString(" |")
				continue
			}
			fmt.Fprintf(&out, " %.0f (%.2f) |", n, n/least)
		}
		out.WriteString("\n")
	}
	out.WriteString("\nIn brackets, as a multiple of the constant answer. One question at a time, so that nothing is shared among several. Medians of five counts of 1,000 questions; a collection of all names, of which the chain causes one in many thousands of questions, is not in them.\n")
	return out.String(), nil
}

// counted runs a server in valgrind and returns what a question of each kind
// takes.
func (b *bench) counted(c *contender, i int) (map[string]float64, error) {
	if err := c.prepare(b, i); err != nil {
		return nil, err
	}
	// Valgrind does not know RDTSCP, and runs one thread at a time.
	c.args = append([]string{"env", "GOMAXPROCS=1", "GODEBUG=cpu.rdtscp=off,asyncpreemptoff=1", "valgrind", "--tool=callgrind", "--instr-atstart=no",
		"--callgrind-out-file=" + filepath.Join(c.dir, "counts")}, c.args...)
	if err := c.start(b, answeringCore); err != nil {
		return nil, err
	}
	defer c.stop()
	pid, err := c.traced()
	if err != nil {
		return nil, err
	}
	if err := control(pid, "--instr=on"); err != nil {
		return nil, err
	}
	out := map[string]float64{}
	dumps := 0
	for k, q := range questions {
		if !slices.Contains(measuredFor, q.kind) || c.constant && q.kind != "hit" {
			continue
		}
		r := rand.New(rand.NewPCG(3, uint64(k)))
		var each []float64
		for range counts {
			for range counted {
				name, kind, _ := strings.Cut(b.w.question(k, r), " ")
				if err := c.patiently(name, dns.StringToType[kind]); err != nil {
					return nil, fmt.Errorf("ask for %s: %w", name, err)
				}
			}
			dumps++
			n, err := c.dump(pid, dumps)
			if err != nil {
				return nil, err
			}
			each = append(each, n/counted)
		}
		out[q.kind] = median(each[1:])
	}
	return out, nil
}

// patiently asks a server that may stand still for seconds, as one in valgrind
// does now and then.
func (c *contender) patiently(name string, qtype uint16) error {
	for tries := 0; ; tries++ {
		_, err := c.within(5*time.Second, name, qtype)
		if err == nil || tries == 5 {
			return err
		}
	}
}

// traced returns the process that valgrind runs.
func (c *contender) traced() (int, error) {
	for _, pid := range c.p.Group() {
		raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if strings.Contains(string(raw), "callgrind") {
			return pid, nil
		}
	}
	return 0, errors.New("valgrind does not run")
}

func control(pid int, what string) error {
	if out, err := exec.Command("callgrind_control", what, strconv.Itoa(pid)).CombinedOutput(); err != nil {
		return fmt.Errorf("callgrind_control %s: %w: %s", what, err, out)
	}
	return nil
}

var total = regexp.MustCompile(`(?m)^(?:summary|totals): (\d+)$`)

// dump ends the n-th count and begins another, and returns the instructions of
// all threads.
func (c *contender) dump(pid, n int) (float64, error) {
	if err := control(pid, "--dump"); err != nil {
		return 0, err
	}
	raw, err := os.ReadFile(filepath.Join(c.dir, "counts."+strconv.Itoa(n)))
	if err != nil {
		return 0, fmt.Errorf("read counts: %w", err)
	}
	m := total.FindSubmatch(raw)
	if m == nil {
		return 0, errors.New("read counts: no total")
	}
	return strconv.ParseFloat(string(m[1]), 64)
}
