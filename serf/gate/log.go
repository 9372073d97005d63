package gate

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// logWriter turns the text lines of Serf and memberlist into records of a
// slog.Logger: "2026/01/02 03:04:05 [WARN] memberlist: …". Serf's INFO is the
// routine of gossip and becomes Debug.
//
// Most of these lines can be caused by anybody who reaches the gossip port. So a
// warning or error that differs only in its figures, or in what it quotes from a
// packet, is logged once in logPause, then with the number of those left out; of
// different ones at most logBudget are logged in logPause, and none is longer than
// maxLine octets.
type logWriter struct {
	log *slog.Logger

	mu     sync.Mutex
	said   map[string]*repeats // by text without figures and quotes
	period time.Time           // when the budget was last renewed
	lines  int                 // logged since then
	over   int                 // left out since then because the budget was spent
}

type repeats struct {
	last time.Time
	more int
}

// maxSaid bounds how many texts are remembered.
const (
	logPause  = 10 * time.Second
	logBudget = 20
	maxSaid   = 256
	maxLine   = 400
)

// NewLog returns a writer for the lines of Serf and memberlist, which logs them
// to l.
func NewLog(l *slog.Logger) io.Writer { return newLogWriter(l) }

func newLogWriter(l *slog.Logger) *logWriter {
	return &logWriter{log: l, said: make(map[string]*repeats)}
}

// Write logs one line. It never fails.
func (w *logWriter) Write(p []byte) (int, error) {
	level, msg := parseLine(p)
	if !w.log.Enabled(context.Background(), level) {
		return len(p), nil
	}
	text := string(msg[:min(len(msg), maxLine)])
	var attrs []slog.Attr
	if level > slog.LevelDebug {
		more, over, ok := w.due(text)
		if over > 0 {
			w.log.Warn("lines of Serf left out: too many", "count", over)
		}
		if !ok {
			return len(p), nil
		}
		if more > 0 {
			attrs = append(attrs, slog.Int("repeated", more))
		}
	}
	w.log.LogAttrs(context.Background(), level, text, attrs...)
	return len(p), nil
}

// kind is what two lines have in common that say the same: the text before the
// first quote, without figures.
func kind(msg string) string {
	if i := strings.IndexAny(msg, `"'`); i >= 0 {
		msg = msg[:i]
	}
	return strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' {
			return -1
		}
		return r
	}, msg)
}

// due reports whether msg may be logged, how many like it were left out before,
// and, once after the budget was spent, how many lines that cost.
func (w *logWriter) due(msg string) (more, over int, ok bool) {
	key := kind(msg)
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if now.Sub(w.period) >= logPause {
		w.period, w.lines, over, w.over = now, 0, w.over, 0
	}
	r := w.said[key]
	if r != nil && now.Sub(r.last) < logPause {
		r.more++
		return 0, over, false
	}
	if w.lines >= logBudget {
		w.over++
		return 0, over, false
	}
	w.lines++
	if r == nil {
		if len(w.said) >= maxSaid {
			clear(w.said)
		}
		w.said[key] = &repeats{last: now}
		return 0, over, true
	}
	more, r.more, r.last = r.more, 0, now
	return more, over, true
}

const stamp = "2006/01/02 15:04:05 "

func parseLine(line []byte) (slog.Level, []byte) {
	line = bytes.TrimSpace(line)
	if len(line) > len(stamp) && line[4] == '/' && line[7] == '/' && line[len(stamp)-1] == ' ' {
		line = line[len(stamp):]
	}
	tag, msg, ok := bytes.Cut(line, []byte("] "))
	if !ok || len(tag) == 0 || tag[0] != '[' {
		return slog.LevelDebug, line
	}
	level := slog.LevelDebug
	switch string(tag[1:]) {
	case "ERR", "ERROR":
		level = slog.LevelError
	case "WARN":
		level = slog.LevelWarn
	}
	for _, r := range routine {
		if bytes.HasPrefix(msg, []byte(r)) {
			return slog.LevelDebug, msg
		}
	}
	for _, said := range []string{OtherZone, NameTaken} { // admission has warned, once a minute
		if bytes.Contains(msg, []byte(said)) {
			return slog.LevelDebug, msg
		}
	}
	return level, msg
}

// routine are warnings and errors that need nobody's attention.
var routine = []string{
	// A node that restarts at once refutes its former self.
	"memberlist: Refuting an alive message",
	// A restart does not leave the federation.
	"serf: Shutdown without a Leave",
	"agent: Serf shutdown detected",
	// The joiner tries again, and says why it fails.
	"serf: Failed to re-join any previously known node",
	// admission has warned, once a minute.
	"memberlist: ignoring alive message for",
	// Serf's own warning of a name conflict names both addresses.
	"memberlist: Conflicting address for",
	// An RPC client has closed its connection, as every command does once it has
	// what it asked for.
	"agent.ipc: Failed to stream",
}
