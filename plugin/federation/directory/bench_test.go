package directory

import (
	"fmt"
	"strings"
	"testing"
)

// office is a directory of n lines, as a large site has it.
func office(n int) string {
	var b strings.Builder
	b.WriteString("user,number,alias,device,name,fallback,home\n")
	for i := range n {
		fmt.Fprintf(&b, "%d,+49 30 %07d,user.%d,%d-desk;%d-mobile,\"Example, User %d\",user %d,\n", 100000+i, 1000000+i, i, 100000+i, 100000+i, i, 100000+(i+1)%n)
	}
	return b.String()
}

// BenchmarkParse reads 10,000 lines: the first time, and when one of them has
// changed.
func BenchmarkParse(b *testing.B) {
	text := office(10_000)
	changed := strings.Replace(text, "User 5000", "User 5000b", 1)
	for name, known := range map[string]bool{"first": false, "one changed": true} {
		b.Run(name, func(b *testing.B) { benchmarkParse(b, text, changed, known) })
	}
}

func benchmarkParse(b *testing.B, text, changed string, known bool) {
	var last *Directory
	if known {
		last, _, _ = Parse(strings.NewReader(text), Options{Node: "pbx-a"}, nil)
	}
	b.ReportAllocs()
	for b.Loop() {
		next, bad, err := Parse(strings.NewReader(changed), Options{Node: "pbx-a"}, last)
		if err != nil || bad.N > 0 {
			b.Fatal(bad, err)
		}
		if added, removed := next.Since(last); known && (len(added) != 5 || len(removed) != 5) {
			b.Fatal(len(added), len(removed))
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/10_000, "µs/line")
}
