package chaos

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"
)

// nodeLog takes what one asterfed prints: it keeps it in a file, and passes
// on what it says of other nodes, and whatever a healthy process never says.
type nodeLog struct {
	mu      sync.Mutex
	file    *os.File
	rest    []byte
	last    string
	reach   func(node, reach string, at time.Time)
	trouble func(line string)
}

func newNodeLog(dir string, reach func(string, string, time.Time), trouble func(string)) (*nodeLog, error) {
	f, err := os.Create(filepath.Join(dir, "asterfed.log"))
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	return &nodeLog{file: f, reach: reach, trouble: trouble}, nil
}

var (
	reachLine = regexp.MustCompile(`msg="node is (alive|orphan|gone)"`)
	nodeField = regexp.MustCompile(` node=(\S+)`)
	panicLine = regexp.MustCompile(`^panic: |^fatal error: |^goroutine \d+ \[running|DATA RACE`)
)

// Write implements io.Writer.
func (l *nodeLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.file.Write(p); err != nil {
		return 0, err
	}
	l.rest = append(l.rest, p...)
	for {
		line, rest, ok := bytes.Cut(l.rest, []byte("\n"))
		if !ok {
			return len(p), nil
		}
		l.line(line)
		l.rest = append(l.rest[:0], rest...)
	}
}

// lastLine returns what was printed last.
func (l *nodeLog) lastLine() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

func (l *nodeLog) line(b []byte) {
	l.last = string(b)
	if panicLine.Match(b) {
		l.trouble(string(b))
	}
	m := reachLine.FindSubmatch(b)
	if m == nil {
		return
	}
	if n := nodeField.FindSubmatch(b); n != nil {
		l.reach(string(n[1]), string(m[1]), time.Now())
	}
}

func (l *nodeLog) close() { l.file.Close() }
