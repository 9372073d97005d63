package node

import (
	"context"
	"log/slog"

	"github.com/asterfed/asterfed/plugin/federation/config"
	"github.com/asterfed/asterfed/plugin/federation/liveness"
	"github.com/asterfed/asterfed/zone/primary"
)

// tags are what this node says of itself through Serf: what other nodes need before
// the first transfer, and what they compare with their own.
type tags struct {
	settings *config.Config
	primary  *primary.Primary
	version  string // of asterfed
	log      *slog.Logger
}

// now returns the tags of this moment.
func (t *tags) now() map[string]string {
	self := t.primary.Node()
	return map[string]string{
		"v": "1", "zone": t.settings.Origin, "dns": t.settings.Transfer.String(),
		"epoch": t.primary.Version().Epoch, "state": string(self.State), "region": self.Region,
		"asterfed": t.software(), settingsTag: settingsDigest(t.settings),
	}
}

// software is the version of asterfed that runs, as a word.
func (t *tags) software() string {
	v := liveness.Printable(t.version)
	return v[:min(len(v), 40)]
}

// set tells Serf the tags of this moment.
func (t *tags) set(ctx context.Context, to Membership) {
	if err := to.SetTags(t.now()); err != nil && ctx.Err() == nil {
		t.log.Warn("tags not set", "err", err)
	}
}

// follow tells Serf whenever the node's state or epoch has changed, until ctx ends.
func (t *tags) follow(ctx context.Context, to Membership) {
	last := ""
	for {
		bell := t.primary.Changed()
		if state := string(t.primary.Node().State) + t.primary.Version().Epoch; state != last {
			last = state
			t.set(ctx, to)
		}
		select {
		case <-ctx.Done():
			return
		case <-bell:
		}
	}
}
