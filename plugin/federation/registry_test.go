package federation

import (
	"log/slog"
	"testing"

	"github.com/asterfed/asterfed/plugin/federation/config"
)

// A process that serves two federations ends when its nodes have left both.
func TestLeaveOneOfTwo(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	g := &Registry{Logger: log, left: make(chan struct{}), authorities: map[string]*authority{}, started: map[string]bool{}}
	for _, zone := range []string{"fed.example.", "other.example."} {
		g.authorities[zone] = newAuthority(config.Config{Origin: zone, Node: "a", Key: testKey}, log)
		g.started[zone] = true
	}
	g.parted(g.authorities["fed.example."])
	select {
	case <-g.Left():
		t.Fatal("the process ends although it serves another federation")
	default:
	}
	g.parted(g.authorities["other.example."])
	select {
	case <-g.Left():
	default:
		t.Error("the process goes on without a federation")
	}
}

// A federation that could not start can start at the next reload, although its settings
// are the same: what kept it from starting may have gone.
func TestStartAfterAFailure(t *testing.T) {
	g := &Registry{Logger: slog.New(slog.DiscardHandler)}
	cfg := config.Config{Origin: "fed.example.", Node: "a", Key: testKey, Data: t.TempDir(), DNSSEC: []string{"Kmissing"}}
	first, err := g.claim(&cfg, new(load))
	if err != nil {
		t.Fatal(err)
	}
	if err := g.start(first); err == nil {
		t.Fatal("started without its keys")
	}
	second, err := g.claim(&cfg, new(load))
	if err != nil {
		t.Fatal(err)
	}
	if err := second.ctx.Err(); err != nil {
		t.Errorf("the next reading gets an authority that has ended: %v", err)
	}
}
