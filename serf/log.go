package serf

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// logWriter turns the text lines of Serf and memberlist into records of a
// slog.Logger: "2026/01/02 03:04:05 [WARN] memberlist: …". What Serf calls
// INFO is the daily routine of gossip and becomes Debug.
//
// One member with an outdated key makes memberlist complain about every packet,
// so a warning or error that differs only in its figures is logged once in
// logPause, then with the number of those left out.
type logWriter struct {
	log *slog.Logger

	mu   sync.Mutex
	said map[string]*repeats // by text without figures
}

type repeats struct {
	last time.Time
	more int
}

// logPause is the least time between two lines that say the same; maxSaid
// bounds how many are remembered.
const (
	logPause = 10 * time.Second
	maxSaid  = 256
)

func newLogWriter(l *slog.Logger) *logWriter {
	return &logWriter{log: l, said: make(map[string]*repeats)}
}

// Write logs one line. It never fails.
func (w *logWriter) Write(p []byte) (int, error) {
	level, msg := parseLine(p)
	if !w.log.Enabled(context.Background(), level) {
		return len(p), nil
	}
	var attrs []slog.Attr
	if level > slog.LevelDebug {
		more, ok := w.due(string(msg))
		if !ok {
			return len(p), nil
		}
		if more > 0 {
			attrs = append(attrs, slog.Int("repeated", more))
		}
	}
	w.log.LogAttrs(context.Background(), level, string(msg), attrs...)
	return len(p), nil
}

// due reports whether msg may be logged, and how many like it were left out
// before.
func (w *logWriter) due(msg string) (more int, ok bool) {
	key := strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' {
			return -1
		}
		return r
	}, msg)
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	r := w.said[key]
	switch {
	case r == nil:
		if len(w.said) >= maxSaid {
			clear(w.said)
		}
		w.said[key] = &repeats{last: now}
		return 0, true
	case now.Sub(r.last) < logPause:
		r.more++
		return 0, false
	}
	more, r.more, r.last = r.more, 0, now
	return more, true
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
	switch string(tag[1:]) {
	case "ERR", "ERROR":
		if bytes.HasPrefix(msg, []byte(clientGone)) {
			return slog.LevelDebug, msg
		}
		return slog.LevelError, msg
	case "WARN":
		for _, r := range routine {
			if bytes.HasPrefix(msg, []byte(r)) {
				return slog.LevelDebug, msg
			}
		}
		return slog.LevelWarn, msg
	}
	return slog.LevelDebug, msg
}

// clientGone begins the errors about an RPC client that has closed its
// connection, as every command does once it has what it asked for.
const clientGone = "agent.ipc: Failed to stream"

// routine are warnings that mean nothing here: a node that restarts at once
// refutes its former self, and a restart does not leave the federation.
var routine = []string{
	"memberlist: Refuting an alive message",
	"serf: Shutdown without a Leave",
	"agent: Serf shutdown detected",
	"serf: Failed to re-join any previously known node",
}
