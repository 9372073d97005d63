package registrations

import (
	"testing"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami"
)

// A connection with nothing to do sleeps.
func TestIdleFollowerSleeps(t *testing.T) {
	f := offline(New(Config{Listener: &sink{}}), ami.Ready)
	f.full.wanted, f.full.relist = 0, time.Now().Add(time.Hour)
	for range 3 {
		now := time.Now()
		if next, err := f.step(now); err != nil || next.Before(now.Add(time.Second)) {
			t.Errorf("wakes at %v, %v: want seconds from %v", next, err, now)
		}
	}
}

// offline returns a Source on a connection that sends nowhere, in a state.
func offline(s *Source, state ami.State) *follower {
	c := ami.Offline(ami.New(ami.Config{}, s), true)
	c.Report(ami.Status{State: state})
	f := s.begin(c, ami.Boot{Known: true, Uptime: time.Hour})
	f.full.wanted = 0
	return f
}
