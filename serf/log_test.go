package serf

import (
	"bytes"
	"log"
	"log/slog"
	"testing"
)

func TestLogWriter(t *testing.T) {
	for in, want := range map[string]string{
		"[ERR] memberlist: Push/Pull with b failed": "level=ERROR msg=\"memberlist: Push/Pull with b failed\"\n",
		"[WARN] memberlist: Refuting a suspect":     "level=WARN msg=\"memberlist: Refuting a suspect\"\n",
		"[INFO] serf: EventMemberJoin: a 10.0.0.1":  "level=DEBUG msg=\"serf: EventMemberJoin: a 10.0.0.1\"\n",
		"[DEBUG] memberlist: Stream connection":     "level=DEBUG msg=\"memberlist: Stream connection\"\n",
		"no level at all":                           "level=DEBUG msg=\"no level at all\"\n",
		"[":                                         "level=DEBUG msg=[\n",
	} {
		for _, flags := range []int{0, log.LstdFlags} {
			var out bytes.Buffer
			h := slog.NewTextHandler(&out, &slog.HandlerOptions{
				Level: slog.LevelDebug,
				ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
					if a.Key == slog.TimeKey {
						return slog.Attr{}
					}
					return a
				},
			})
			log.New(logWriter{slog.New(h)}, "", flags).Print(in)
			if got := out.String(); got != want {
				t.Errorf("%q becomes %q, want %q", in, got, want)
			}
		}
	}
}
