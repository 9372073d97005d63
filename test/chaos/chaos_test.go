//go:build e2e

package chaos_test

import (
	"context"
	"flag"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/asterfed/asterfed/test/chaos"
)

var (
	length = flag.Duration("chaos.for", time.Minute, "how long faults go on")
	seed   = flag.Uint64("chaos.seed", 1, "repeats a plan of faults")
	nodes  = flag.Int("chaos.nodes", 5, "how many nodes")
	users  = flag.Int("chaos.users", 300, "how many users")
	rate   = flag.Int("chaos.rate", 500, "questions a second, of all nodes together")
	acts   = flag.Int("chaos.acts", 200, "what the phones do in a second, at most")
	kinds  = flag.String("chaos.faults", "", "only these faults, with commas; none: a quiet time")
	busy   = flag.Int("chaos.busy", 0, "how many busy loops take CPU time from the nodes")
	binary = flag.String("chaos.bin", "", "the asterfed to run (default: built from the tree)")
	keep   = flag.Bool("chaos.keep", false, "keep the nodes' logs")
)

// shown bounds how many failures are printed.
const shown = 30

// TestChaos fails on every answer beyond its budget, every healthy node that
// was called dead, and every view that is not level in the end.
func TestChaos(t *testing.T) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	lab, err := chaos.New(chaos.Config{Seed: *seed, For: *length, Nodes: *nodes, Users: *users, Rate: *rate, Acts: *acts,
		Kinds: *kinds, Busy: *busy, Repo: "../..", Out: os.Stdout, Keep: *keep, Binary: *binary})
	if lab != nil {
		defer lab.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	report, err := lab.Run(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range report.Failures {
		if i == shown {
			t.Errorf("and %d more", len(report.Failures)-shown)
			break
		}
		t.Error(f)
	}
}
