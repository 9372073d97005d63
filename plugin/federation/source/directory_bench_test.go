package source

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// largeDirectory is a directory of so many users, each with a number and a name, the
// number of one user changed.
func largeDirectory(lines, changed int) string {
	var b strings.Builder
	b.WriteString("user,number,name,home\n")
	for i := range lines {
		number := i
		if i == changed {
			number += 5_000_000
		}
		fmt.Fprintf(&b, "u%d,+4930%08d,User %d,\n", i, 10_000_000+number, i)
	}
	return b.String()
}

// BenchmarkDirectory reads a directory of 100,000 lines: the whole at the start, and
// one changed line.
func BenchmarkDirectory(b *testing.B) {
	const lines = 100_000
	rss := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc >> 20
	}
	b.Run("start", func(b *testing.B) {
		for b.Loop() {
			d, p, log := opened(b, largeDirectory(lines, -1), func(string) (bool, bool) { return true, true })
			d.Read()
			if n := len(p.Published("directory")); n != 2*lines {
				b.Fatalf("%d bindings\n%s", n, log)
			}
			b.ReportMetric(float64(rss()), "MB")
		}
	})
	b.Run("one line", func(b *testing.B) {
		d, _, _ := opened(b, largeDirectory(lines, -1), func(string) (bool, bool) { return true, true })
		d.Read()
		at := time.Now()
		for i := 0; b.Loop(); i++ {
			b.StopTimer()
			if err := os.WriteFile(d.cfg.File, []byte(largeDirectory(lines, i)), 0o600); err != nil {
				b.Fatal(err)
			}
			at = at.Add(time.Second)
			os.Chtimes(d.cfg.File, at, at)
			b.StartTimer()
			d.Read()
		}
		b.ReportMetric(float64(rss()), "MB")
	})
}
