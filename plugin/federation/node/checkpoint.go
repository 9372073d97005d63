package node

import (
	"fmt"
	"hash/fnv"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami/registrations"
	"github.com/asterfed/asterfed/plugin/federation/config"
	"github.com/asterfed/asterfed/zone/datadir"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/primary"
)

// checkpoint records on disk the time up to which this node had seen every
// registration of its Asterisk, so that the first listing after a restart of
// asterfed alone can date what it finds (docs/decisions/140). It counts only
// together with the journal that went with it, which the epoch tells, with the same
// Asterisk and with the same users permitted.
type checkpoint struct {
	settings *config.Config
	primary  *primary.Primary
	clock    *location.Clock
	fresh    bool // the node began without data
	log      *slog.Logger
	path     string
	wrote    time.Time
	bad      bool
}

// checkpointEvery is how often it is written. It need not survive a crash of the
// machine: the epoch does not either.
const checkpointEvery = 2 * time.Second

func newCheckpoint(c asteriskConfig) *checkpoint {
	return &checkpoint{settings: c.settings, primary: c.primary, clock: c.clock, fresh: c.recovery.fresh, log: c.log,
		path: filepath.Join(c.settings.Data, "abreast")}
}

// scope names everything that must be unchanged for a checkpoint to count. A
// directory decides who is published and may change while nothing runs, so with one
// no checkpoint counts.
func (c *checkpoint) scope() string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%q %q", c.settings.Asterisk.Addr, c.settings.Users)
	return fmt.Sprintf("%s %016x", c.primary.Version().Epoch, h.Sum64())
}

// before returns the checkpoint of an earlier process, zero if it does not count.
func (c *checkpoint) before() (out registrations.Checkpoint) {
	b, err := os.ReadFile(c.path)
	if err != nil || c.fresh || c.settings.Directory != "" {
		return out
	}
	rest, ok := strings.CutPrefix(string(b), c.scope()+" ")
	run, mark, cut := strings.Cut(strings.TrimSpace(rest), " ")
	if !ok || !cut {
		return out
	}
	at, err := time.Parse(time.RFC3339, run)
	if err != nil {
		return out
	}
	s, err := location.ParseStamp(mark)
	if err != nil || !c.clock.Observe(s) {
		return out
	}
	return registrations.Checkpoint{Run: at, Mark: s}
}

// keep writes a checkpoint, at most once every checkpointEvery. The AMI source calls
// it.
func (c *checkpoint) keep(x registrations.Checkpoint) {
	if time.Since(c.wrote) < checkpointEvery || c.settings.Directory != "" || c.primary.DiskErr() != nil {
		return
	}
	c.wrote = time.Now()
	text := fmt.Sprintf("%s %s %v\n", c.scope(), x.Run.UTC().Format(time.RFC3339), x.Mark)
	err := datadir.Replace(c.path, datadir.Atomic, 0o600, datadir.Text(text))
	was := c.bad
	if c.bad = err != nil; c.bad && !was {
		c.log.Warn("checkpoint not written; after a restart, registrations made meanwhile rank last", "err", err)
	}
}
