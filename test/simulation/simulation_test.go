package simulation

import (
	"flag"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var (
	nodes   = flag.String("nodes", defaultNodes, "how many nodes, one run after another")
	sample  = flag.Int("sample", 0, "connect only so many nodes with all others (0: all)")
	count   = flag.Int("users", 500, "users in the whole federation")
	changes = flag.Float64("changes", 20, "changes per second in the whole federation")
	loss    = flag.Float64("loss", 0.001, "share of packets lost")
	window  = flag.Duration("window", 4*time.Second, "virtual time of each measurement")
	cut     = flag.Duration("cut", 8*time.Second, "virtual time of the partition")
	seed    = flag.Uint64("seed", 1, "where hosts lie and users go")
)

// TestScale plays the scenario with growing federations. Nobody is misrouted
// in the end, and what a node spends grows with N, not faster.
func TestScale(t *testing.T) {
	// Three quarters of a run of 1,000 nodes were collections; what is measured
	// is measured with the collector as it is in asterfed.
	// They live in about 8 GB: a limit near that would be collections again.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(12 << 30))
	var reports []*report
	for _, s := range strings.Split(*nodes, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 4 {
			t.Fatalf("nodes %q: want numbers from 4 on", s)
		}
		began := time.Now()
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			r, err := run(options{Nodes: n, Sample: *sample, Users: *count, Changes: *changes, Loss: *loss,
				Window: *window, Cut: *cut, Seed: *seed, Dir: t.TempDir(),
				Done: func(act string) {
					t.Logf("N=%d: %s, done at %s virtual", n, act, time.Since(start).Round(10*time.Millisecond))
				}})
			if err != nil {
				t.Error(err)
			}
			reports = append(reports, r)
		})
		t.Logf("N=%d took %v", n, time.Since(began).Round(100*time.Millisecond))
	}
	print(os.Stdout, reports)
	printLimits(os.Stdout, reports)
	for _, r := range reports {
		check(t, r)
	}
}

// check holds what must be true at every N.
func check(t *testing.T, r *report) {
	if r.Wrong > 0 || r.Asked == 0 {
		t.Errorf("N=%d: %d of %d answers lead to a wrong home", r.Nodes, r.Wrong, r.Asked)
	}
	if want := float64(2 * (r.Nodes - 1)); r.Conns != want {
		t.Errorf("N=%d: %v connections per node, want %v", r.Nodes, r.Conns, want)
	}
	if r.FalseGone > 0 {
		t.Errorf("N=%d: %d nodes hidden that were reachable", r.Nodes, r.FalseGone)
	}
	want := 1.1 * beats(r.Nodes) // a heartbeat or the answer to one, and one of ten of who is asked
	if got := r.Quiet.TransferMessages; got > 1.2*want || got < 0.8*want {
		t.Errorf("N=%d: %.0f DNS messages/s at rest, want about %.0f", r.Nodes, got, want)
	}
}
