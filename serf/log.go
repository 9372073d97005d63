package serf

import (
	"bytes"
	"context"
	"log/slog"
)

// logWriter turns the text lines of Serf and memberlist into records of l:
// "2026/01/02 03:04:05 [WARN] memberlist: …". What Serf calls INFO is the
// daily routine of gossip and becomes Debug.
type logWriter struct{ l *slog.Logger }

// Write logs one line. It never fails.
func (w logWriter) Write(p []byte) (int, error) {
	level, msg := parseLine(p)
	w.l.Log(context.Background(), level, string(msg))
	return len(p), nil
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
		return slog.LevelError, msg
	case "WARN":
		return slog.LevelWarn, msg
	}
	return slog.LevelDebug, msg
}
