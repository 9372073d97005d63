package node

import (
	"context"
	"log/slog"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/config"
	"github.com/asterfed/asterfed/serf"
	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/datadir"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
)

// The times within which a starting node expects to know everything; until
// then what it does not know is SERVFAIL, and asking goes to the next server.
const (
	settleLimit = 10 * time.Second
	joinLimit   = 3 * time.Second
)

// settling decides when a node knows its own registrations and those of every node
// that it can reach.
type settling struct {
	settings *config.Config
	gossip   Membership
	peers    *peers
	view     *answer.Zone
	recovery *recovery
	met      bool   // an earlier process has reached other nodes
	file     string // says so to the next one
	log      *slog.Logger
}

// wait returns true once the view is settled, or false when ctx has ended.
func (s *settling) wait(ctx context.Context) bool {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	began, warned := s.recovery.began, false
	for !s.complete(time.Since(began)) {
		if !warned && time.Since(began) > settleLimit {
			warned = true
			what, remedy := "no other node was ever reached", "see why in the lines about join; if this is the first node of a federation, start it without join"
			if !s.stranded() {
				what, remedy = "no other node's home zone was ever transferred", "see why in the lines about the nodes: the key and the TCP port of the transfer lines"
			}
			s.log.Warn(what+": names that this node does not know are answered SERVFAIL", "join", s.settings.Join, "remedy", remedy)
		}
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	s.view.SetSettled(true)
	s.remember()
	s.log.Info("all nodes are known", "nodes", len(s.view.Homes()), "after", time.Since(began).Round(time.Millisecond))
	return true
}

func (s *settling) complete(since time.Duration) bool {
	if s.stranded() || s.ignorant() {
		return false
	}
	if since > settleLimit {
		return true
	}
	if !s.recovery.listed.Load() && s.recovery.fresh {
		return false
	}
	expected := len(s.settings.Join) > 0
	for _, m := range s.gossip.Members() {
		if m.Name == s.settings.Node || m.Status != serf.StatusAlive || m.Tags["zone"] != s.settings.Origin {
			continue
		}
		expected = false
		if p := s.peers.member(m.Name); p == nil || !p.peer.Level() && s.view.Home(m.Name).Reach() != view.Gone {
			return false
		}
	}
	return !expected || since > joinLimit
}

// stranded reports whether there should be other nodes, but none was reached, now
// or by an earlier process. What such a node does not know may live anywhere: it
// never denies it (RFC 2308 §7.1: SERVFAIL).
func (s *settling) stranded() bool { return !s.met && !s.gossip.Joined() }

// ignorant reports whether there are other nodes, but nothing is known of any of
// them, now or from an earlier process: their keys of transfer differ from this
// node's, or it does not reach their DNS servers. One of which something is known is
// enough, so that a newcomer with a wrong key silences nobody but itself.
func (s *settling) ignorant() bool {
	others := false
	for _, m := range s.gossip.Members() {
		if m.Name == s.settings.Node || m.Tags["zone"] != s.settings.Origin {
			continue
		}
		if s.view.Home(m.Name).Version() != (record.Version{}) {
			return false
		}
		others = others || m.Status == serf.StatusAlive
	}
	return others
}

// metFile is there once a node was one of several. Without it, the last node of a
// federation that the others have left would not settle after a restart.
const metFile = "met"

// remember notes that this node has reached others.
func (s *settling) remember() {
	if s.met || !s.gossip.Joined() {
		return
	}
	if err := datadir.Replace(s.file, datadir.Atomic, 0o640, datadir.Text("this node has been one of several\n")); err != nil {
		s.log.Warn("not noted that other nodes were reached; if all leave, this node does not settle after a restart", "err", err)
	}
}
