package gate

import (
	"bytes"
	"fmt"
	"log"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

// textLog returns a logger whose lines carry no time, and where they go.
func textLog(level slog.Level) (*slog.Logger, *bytes.Buffer) {
	var out bytes.Buffer
	return slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{
		Level: level,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	})), &out
}

func TestLogLevels(t *testing.T) {
	for in, want := range map[string]string{
		"[ERR] memberlist: Push/Pull with b failed":                                                 "level=ERROR msg=\"memberlist: Push/Pull with b failed\"\n",
		"[ERR] agent.ipc: Failed to stream query end to c: write: use of closed network connection": "level=DEBUG msg=\"agent.ipc: Failed to stream query end to c: write: use of closed network connection\"\n",
		"[WARN] memberlist: Refuting a suspect":                                                     "level=WARN msg=\"memberlist: Refuting a suspect\"\n",
		"[INFO] serf: EventMemberJoin: a 10.0.0.1":                                                  "level=DEBUG msg=\"serf: EventMemberJoin: a 10.0.0.1\"\n",
		"[ERR] memberlist: Failed push/pull merge: name b is taken by 10.0.0.2:7946":                "level=DEBUG msg=\"memberlist: Failed push/pull merge: name b is taken by 10.0.0.2:7946\"\n",
		"[DEBUG] memberlist: Stream connection":                                                     "level=DEBUG msg=\"memberlist: Stream connection\"\n",
		"no level at all":                                                                           "level=DEBUG msg=\"no level at all\"\n",
		"[":                                                                                         "level=DEBUG msg=[\n",
	} {
		for _, flags := range []int{0, log.LstdFlags} {
			l, out := textLog(slog.LevelDebug)
			log.New(newLogWriter(l), "", flags).Print(in)
			if got := out.String(); got != want {
				t.Errorf("%q becomes %q, want %q", in, got, want)
			}
		}
	}
}

// Complaints about each packet of one member do not flood the log.
func TestLogRepeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, out := textLog(slog.LevelInfo)
		w := log.New(newLogWriter(l), "", log.LstdFlags)
		for i := range 1000 {
			w.Printf("[ERR] memberlist: Decrypt packet failed from=10.0.0.2:%d", i)
		}
		w.Print("[WARN] serf: something else")
		w.Print("[INFO] serf: not wanted")
		time.Sleep(logPause) // virtual
		w.Print("[ERR] memberlist: Decrypt packet failed from=10.0.0.2:1")
		want := `level=ERROR msg="memberlist: Decrypt packet failed from=10.0.0.2:0"
level=WARN msg="serf: something else"
level=ERROR msg="memberlist: Decrypt packet failed from=10.0.0.2:1" repeated=999
`
		if got := out.String(); got != want {
			t.Errorf("log:\n%s\nwant:\n%s", got, want)
		}
	})
}

// Whatever arrives, the memory of what was said stays small.
func TestLogMemory(t *testing.T) {
	l, _ := textLog(slog.LevelInfo)
	w := newLogWriter(l)
	for i := range 10 * maxSaid {
		fmt.Fprintf(w, "[WARN] %s\n", bytes.Repeat([]byte("x"), i))
	}
	if len(w.said) > maxSaid {
		t.Errorf("%d texts remembered", len(w.said))
	}
}

// What a stranger puts into a line does not make it a new one, and lines of all
// kinds together are bounded.
func TestLogBudget(t *testing.T) {
	var out bytes.Buffer
	w := newLogWriter(slog.New(slog.NewTextHandler(&out, nil)))
	for i := range 1000 {
		fmt.Fprintf(w, "[ERR] memberlist: discarding packet with unacceptable label %q: from=127.0.0.1:1\n", fmt.Sprint("x", rune('a'+i)))
	}
	if n := bytes.Count(out.Bytes(), []byte("\n")); n != 1 {
		t.Errorf("%d lines, want 1:\n%s", n, out.Bytes())
	}
	for i := range 1000 {
		fmt.Fprintf(w, "[ERR] memberlist: %s\n", bytes.Repeat([]byte("y"), i))
	}
	if n := bytes.Count(out.Bytes(), []byte("\n")); n > logBudget+1 {
		t.Errorf("%d lines, want %d", n, logBudget)
	}
	for line := range bytes.Lines(out.Bytes()) {
		if len(line) > maxLine+100 {
			t.Errorf("a line of %d octets", len(line))
		}
	}
}
