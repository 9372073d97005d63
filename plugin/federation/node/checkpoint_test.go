package node

import (
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami/registrations"
	"github.com/asterfed/asterfed/plugin/federation/config"
	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/primary"
	"github.com/asterfed/asterfed/zone/view"
)

// What was kept counts with the data, the Asterisk and the users that it was
// kept for, and not without any of them.
func TestCheckpointCountsWithItsDataOnly(t *testing.T) {
	begin := func(cfg config.Config) *checkpoint {
		clock := location.NewClock(time.Now)
		view := answer.New(answer.Config{}, view.New(view.Config{Origin: cfg.Origin, Self: cfg.Node, TTL: time.Second}))
		log := slog.New(slog.DiscardHandler)
		j, _, err := primary.OpenJournal(cfg.Data, cfg.Node, cfg.Origin)
		if err != nil {
			t.Fatal(err)
		}
		fresh := j.Fresh()
		p := primary.New(primary.Config{Zone: view.Own(), Clock: clock, Node: cfg.Self(), Journal: j, Logger: log})
		t.Cleanup(func() { p.Close() })
		return newCheckpoint(asteriskConfig{settings: &cfg, primary: p, clock: clock, recovery: &recovery{fresh: fresh}, log: log})
	}
	cfg := config.Config{Node: "pbx-a", Origin: "fed.example.", Data: t.TempDir(), Asterisk: config.Asterisk{Addr: "127.0.0.1:5038"}}
	run := time.Unix(1_800_000_000, 0)
	first := begin(cfg)
	if got := first.before(); got != (registrations.Checkpoint{}) {
		t.Errorf("a fresh node has kept %v", got)
	}
	first.primary.Update(func(s *location.Store) []location.Change {
		return s.Register(location.Contact{AOR: "1001", Kind: location.PJSIP, URI: "sip:1001@192.0.2.1"})
	})
	want := registrations.Checkpoint{Run: run, Mark: first.clock.Mark()}
	first.keep(want)
	first.keep(registrations.Checkpoint{Run: run, Mark: 1}) // too soon
	first.primary.Close()
	if got := begin(cfg).before(); !got.Run.Equal(run) || got.Mark != want.Mark {
		t.Errorf("after a restart: %v, want %v", got, want)
	}
	for name, change := range map[string]func(*config.Config){
		"another Asterisk": func(c *config.Config) { c.Asterisk.Addr = "127.0.0.2:5038" },
		"other users":      func(c *config.Config) { c.Users = []string{"2*"} },
		"a directory":      func(c *config.Config) { c.Directory = "users.csv" },
	} {
		other := cfg
		if change(&other); begin(other).before() != (registrations.Checkpoint{}) {
			t.Errorf("%s: counts all the same", name)
		}
	}
	raw, err := os.ReadFile(first.path)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"", "x", strings.Repeat("0", 16), string(raw[:len(raw)/2]), strings.Replace(string(raw), want.Mark.String(), "ffffffffffffffff", 1)} {
		os.WriteFile(first.path, []byte(bad), 0o600)
		if got := begin(cfg).before(); got != (registrations.Checkpoint{}) {
			t.Errorf("%q is read as %v", bad, got)
		}
	}
	os.WriteFile(first.path, raw, 0o600)
	lost := cfg
	lost.Data = t.TempDir()
	os.WriteFile(lost.Data+"/abreast", raw, 0o600)
	if got := begin(lost).before(); got != (registrations.Checkpoint{}) {
		t.Errorf("without the journal: %v", got)
	}
}
