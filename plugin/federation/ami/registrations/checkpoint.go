package registrations

import (
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami"
	"github.com/asterfed/asterfed/zone/location"
)

// Checkpoint says up to when a Listener knew everything that one run of Asterisk
// had registered. A contact that is listed by the same run later, and is not
// known, was registered since (docs/decisions/140). The zero value proves
// nothing.
type Checkpoint struct {
	Run time.Time // when Asterisk started
	// Mark is what Config.Mark returned then. This package compares it with
	// nothing.
	Mark location.Stamp
}

const (
	// markEvery is how often a mark is taken of how far the Listener is.
	markEvery = time.Second
)

// marks takes the checkpoints of one connection.
type marks struct {
	f       *follower
	waiting []mark         // oldest first
	since   location.Stamp // the Listener knew everything of this run until then
}

// mark is a checkpoint that does not count yet: events of before may be on their
// way.
type mark struct {
	at   time.Time
	mark location.Stamp
}

// begin finds out whether the last checkpoint is of this run of Asterisk.
func (k *marks) begin(run time.Time) {
	f := k.f
	if !ami.SameRun(f.checkpoint.Run, run) {
		f.checkpoint = Checkpoint{Run: run}
		clear(f.users.bare)
		f.users.peers = [kinds]peers{}
	}
	k.since = f.checkpoint.Mark
}

// step takes a mark, and lets an earlier one count once Asterisk was heard so much
// later that no event of before can be missing.
func (k *marks) step(now time.Time) {
	f := k.f
	if f.cfg.Mark == nil || f.checkpoint.Run.IsZero() || f.conn.State() != ami.Ready {
		return
	}
	heard := f.conn.Heard()
	settled := 0
	for settled < len(k.waiting) && heard.Sub(k.waiting[settled].at) >= freshFor {
		settled++
	}
	if settled > 0 {
		f.checkpoint.Mark = k.waiting[settled-1].mark
		k.waiting = append(k.waiting[:0], k.waiting[settled:]...)
		if f.cfg.Keep != nil {
			f.cfg.Keep(f.checkpoint)
		}
	}
	busy := f.initial || f.full.inFlight() || len(f.queue.waiting) > 0
	if n := len(k.waiting); !busy && (n == 0 || now.Sub(k.waiting[n-1].at) >= markEvery) {
		k.waiting = append(k.waiting, mark{now, f.cfg.Mark()})
	}
}

// proves returns the mark that a contact of the first listing of a connection
// was registered after, if the Listener does not know it.
func (k *marks) proves(c *location.Contact) location.Stamp {
	switch f := k.f; {
	case f.full.delivered[c.Kind]: // not the first: events have announced all since
	case f.users.denied[c.AOR]: // not passed on before, and so not known
	case c.Kind != location.PJSIP && !f.users.bare[c.AOR]:
		// A peer of a database, with the address that it had once, is listed
		// when somebody calls it. One that was listed without an address has
		// registered since.
	default:
		return k.since
	}
	return 0
}
