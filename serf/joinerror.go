package serf

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/asterfed/asterfed/serf/gate"
)

// JoinError says why a seed was not reached at the last attempt.
type JoinError struct {
	Seed   string // as configured
	Why    string // in a few words
	Remedy string // what to do, as a sentence
	Err    error  // what Serf or the resolver said
}

func (e *JoinError) Error() string { return fmt.Sprintf("join %s: %s. %s", e.Seed, e.Why, e.Remedy) }

// Unwrap returns Err.
func (e *JoinError) Unwrap() error { return e.Err }

// reasons maps parts of memberlist's errors, which carry only text, to what an
// operator can do about them. The first match counts.
var reasons = []struct{ text, why, remedy string }{
	{"no installed keys could decrypt", "gossip key differs", "Copy the gossip key file of a working node to this one and restart."},
	{"encryption is not configured", "gossip key differs: one side has none", "Give both sides the same gossip key file."},
	{"remote state is not encrypted", "gossip key differs: one side has none", "Give both sides the same gossip key file."},
	{gate.OtherZone, "it is part of another federation", "Correct join, or give the two federations different gossip keys."},
	{gate.NameTaken, "the name of this node is taken", "Give this node another name, or stop the other one."},
	{syscall.ECONNREFUSED.Error(), "connection refused", "Start asterfed there, or correct the port."},
	{syscall.EHOSTUNREACH.Error(), "no route", "Correct the address, or start that host."},
	{syscall.ENETUNREACH.Error(), "no route", "Correct the address, or this host's routes."},
	{"timeout", "no answer", "Open the gossip port for TCP and UDP in the firewalls on the way, or start that host."},
	{"EOF", "connection closed", "See the log of that node."},
	{syscall.ECONNRESET.Error(), "connection closed", "See the log of that node."},
}

func joinError(seed string, err error) *JoinError {
	var unknown *net.DNSError
	if errors.As(err, &unknown) {
		if unknown.IsNotFound {
			return &JoinError{seed, "name unknown", "Correct the name, or give the IP address.", err}
		}
		return &JoinError{seed, "name not looked up: " + unknown.Err, "Correct this host's resolver, or give the IP address.", err}
	}
	for _, r := range reasons {
		if strings.Contains(err.Error(), r.text) {
			return &JoinError{seed, r.why, r.remedy, err}
		}
	}
	return &JoinError{seed, err.Error(), "See the log of that node.", err}
}

// seeds is what became of the last attempt at each seed. Safe for concurrent use.
type seeds struct {
	list []string // as configured

	mu      sync.Mutex
	results map[string]map[netip.AddrPort]error // by seed and address; nil = reached
}

// note keeps why a seed was not reached at one of its addresses; nil means that
// it was. An invalid address stands for the look-up of its name.
func (s *seeds) note(seed string, at netip.AddrPort, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.results == nil {
		s.results = make(map[string]map[netip.AddrPort]error)
	}
	if s.results[seed] == nil || !at.IsValid() {
		s.results[seed] = make(map[netip.AddrPort]error)
	}
	s.results[seed][at] = err
}

// resolved forgets what was noted about addresses that the seed has no longer.
func (s *seeds) resolved(seed string, ips []netip.Addr, port uint16) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.results[seed], func(at netip.AddrPort, _ error) bool {
		return at.Port() != port || !slices.Contains(ips, at.Addr())
	})
}

// reached reports whether a seed was reached at any of its addresses. The caller
// holds mu.
func (s *seeds) reached(seed string) bool {
	for _, err := range s.results[seed] {
		if err == nil {
			return true
		}
	}
	return false
}

// all reports whether every seed was reached.
func (s *seeds) all() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !slices.ContainsFunc(s.list, func(seed string) bool { return !s.reached(seed) })
}

// errors returns the trouble in the order of the seeds: one for each that was
// reached at none of its addresses.
func (s *seeds) errors() []*JoinError {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*JoinError
	for _, seed := range s.list {
		if s.reached(seed) {
			continue
		}
		var found *JoinError
		for _, err := range s.results[seed] {
			if e := joinError(seed, err); found == nil || e.Why < found.Why { // the same one each time
				found = e
			}
		}
		if found != nil {
			out = append(out, found)
		}
	}
	return out
}

// JoinErrors returns why each seed was not reached at the last attempt, in the
// order of the configuration; a seed that was reached, or not yet tried, is not
// listed.
func (a *Agent) JoinErrors() []*JoinError { return a.joiner.seeds.errors() }

// company reports whether another member is up.
func (j *joiner) company() bool {
	self := j.self().Name
	return slices.ContainsFunc(j.members(), func(m Member) bool { return m.Name != self && m.Status.up() })
}

// Joined reports whether this node has reached another member since it started,
// or all seeds are the node itself, as in the first node of a federation: a seed
// that was reached while no other member is up is this node.
func (a *Agent) Joined() bool { return a.joiner.ever.Load() || a.joiner.seeds.all() }
