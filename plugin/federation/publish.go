package federation

import (
	"errors"
	"log/slog"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/update"
	"github.com/miekg/dns"
)

// updates is what this node takes DNS UPDATEs with (RFC 2136).
type updates struct {
	r      *Runtime
	home   update.Home
	replay *update.Replay // nil if no key may update
	log    *slog.Logger
}

func newUpdates(r *Runtime, boot string) *updates {
	apex := record.HomeZone(r.cfg.Node, r.cfg.Origin)
	u := &updates{r: r,
		log: r.log.With("source", "update"),
		home: update.Home{Node: r.cfg.Node, Origin: r.cfg.Origin, Clock: r.clock, Now: time.Now,
			Users: r.view.Home(r.cfg.Node).Users, Newest: r.view.Newest, Allows: r.node.Allows,
			Apex: func() []dns.RR { return r.ApexRecords(apex) }}}
	if len(r.cfg.Updates) > 0 {
		u.replay = update.OpenReplay(r.cfg.Data, boot, time.Now)
	}
	return u
}

func (u *updates) close() error {
	if u == nil || u.replay == nil {
		return nil
	}
	return u.replay.Close()
}

// ErrKeyAlgorithm: a key is known with its algorithm only (RFC 8945 §5.2.1).
var ErrKeyAlgorithm = errors.New("the key is for another algorithm: BADKEY")

// Update does what an UPDATE says, once; t is its signature by the key. The error is update.ErrTime, a
// *update.Refusal, or that of a disk.
func (r *Runtime) Update(m *dns.Msg, key string, t *dns.TSIG) error { return r.updates.take(m, key, t) }

func (u *updates) take(r *dns.Msg, key string, t *dns.TSIG) error {
	known, rules := u.r.cfg.UpdateKey(key)
	switch {
	case key == "":
		return &update.Refusal{Rcode: dns.RcodeRefused, Text: "it is not signed"}
	case known == nil:
		return &update.Refusal{Rcode: dns.RcodeRefused, Text: "no update line names the key"}
	case t == nil:
		return errors.New("its signature cannot be seen, and so a replay not be told")
	case dns.CanonicalName(t.Algorithm) != known.Algorithm:
		return ErrKeyAlgorithm
	}
	if err := u.home.CheckZone(r); err != nil {
		return err
	}
	if err := u.replay.Take(key, t.MAC, time.Unix(int64(t.TimeSigned), 0)); err != nil {
		return err
	}
	if !u.r.node.Recovered() {
		return errors.New("what the peers have kept of this zone is not known yet; try again in a few seconds")
	}
	var done []location.Change
	err := u.r.primary.Publish(func(_ *location.Store, pubs *location.Publications) (changes []location.Change, err error) {
		done, err = u.home.Decide(r, key, pubs, rules)
		return done, err
	})
	if err != nil || len(done) == 0 {
		return err
	}
	u.r.node.Published()
	u.log.Info("updated", "key", key, "changes", len(done), "first", told(done[0]), "serial", u.r.primary.Version().Serial)
	return nil
}

// told is a change in a few words.
func told(c location.Change) string {
	b, verb := c.New, "add"
	switch {
	case b.Kind == 0:
		b, verb = c.Old, "delete"
	case c.Old.Kind != 0:
		verb = "replace"
	}
	return verb + " " + b.Kind.String() + " " + string(b.AOR)
}
