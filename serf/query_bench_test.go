package serf

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkQuery is what asking everyone takes on one machine: until the last
// of n members has answered, and how many answers are missing after 2 s.
func BenchmarkQuery(b *testing.B) {
	for _, n := range []int{3, 10, 20} {
		b.Run(fmt.Sprintf("nodes=%d", n), func(b *testing.B) {
			var first *Agent
			for i := range n {
				c := testConfig(fmt.Sprintf("n%d", i))
				c.Profile = "lan"
				c.OnQuery = func(string, time.Time) []byte { return make([]byte, 200) }
				if first == nil {
					c.RPC = "127.0.0.1:0"
				} else {
					c.Join = []string{first.self().Addr.String()}
				}
				a, err := Start(b.Context(), c)
				if err != nil {
					b.Fatal(err)
				}
				defer a.Shutdown()
				if first == nil {
					first = a
				}
			}
			for deadline := time.Now().Add(patience); up(first) < n; time.Sleep(10 * time.Millisecond) {
				if time.Now().After(deadline) {
					b.Fatalf("%d of %d members", up(first), n)
				}
			}
			rpc, err := Dial(first.rpc.Addr().String(), "")
			if err != nil {
				b.Fatal(err)
			}
			defer rpc.Close()
			lost, slowest := 0, time.Duration(0)
			for b.Loop() {
				list, err := rpc.Query("federation:status", nil, n, 2*time.Second)
				if err != nil {
					b.Fatal(err)
				}
				lost += n - len(list)
				for _, r := range list {
					slowest = max(slowest, r.After)
				}
			}
			b.ReportMetric(float64(lost)/float64(b.N*n), "lost/answer")
			b.ReportMetric(float64(slowest.Milliseconds()), "ms-slowest")
		})
	}
}

func up(a *Agent) (n int) {
	for _, m := range a.Members() {
		if m.Status.up() {
			n++
		}
	}
	return n
}
