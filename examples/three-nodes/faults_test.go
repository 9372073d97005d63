//go:build e2e

package threenodes

import (
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/test/lab"
)

// The home of 1004 and 1005 fails, in three ways. Callers learn it: from the
// fault on, a call that is still sent there ends otherwise than "not found".
func TestHomeDies(t *testing.T) {
	for _, f := range []struct {
		name    string
		inject  func() error
		restore func() error
		limit   time.Duration
	}{
		{"Asterisk stopped",
			// From "core stop now" on it refuses calls with 503 by itself,
			// for about a second before it tells anybody.
			func() error { b.StopAsterisk(); return nil },
			func() error { return b.StartAsterisk() },
			time.Second},
		{"Asterisk and asterfed killed",
			func() error { b.KillAsterisk(); b.KillFederator(); return nil },
			func() error {
				if err := b.StartFederator(); err != nil {
					return err
				}
				return b.StartAsterisk()
			},
			5 * time.Second},
		{"host cut off",
			func() error { return b.Unplug() },
			func() error { return b.Plug() },
			8 * time.Second},
	} {
		t.Run(f.name, func(t *testing.T) {
			stays, moves := settle(t)
			s := startStream(t, "1004", a, c)
			lab.Poll(5*time.Second, func() bool { return s.seen(200, 2, time.Time{}) })
			fault := time.Now()
			if err := f.inject(); err != nil {
				t.Fatal(err)
			}
			took := time.Since(fault)
			if !lab.Poll(20*time.Second, func() bool { return s.seen(404, 2, fault) }) {
				t.Error("callers never learn that the home is dead")
			}
			register(t, "1005", a, moves.Contact)
			back := time.Now()
			if err := f.restore(); err != nil {
				t.Fatal(err)
			}
			up := time.Now()
			if !lab.Poll(20*time.Second, func() bool { return s.seen(200, 2, back) }) {
				t.Error("the home is not found again")
			}
			s.end()

			dead := s.between(fault, back)
			var until time.Duration
			var sent []placed
			for _, p := range dead {
				if p.Code != 404 && p.Code != 200 {
					until = p.at.Sub(fault)
					sent = append(sent, p)
				}
			}
			if until > took+f.limit {
				t.Errorf("callers are sent to the dead home for %s, want at most %s:%s", ms(until), ms(f.limit), list(dead, fault))
			}
			var again time.Duration
			for _, p := range s.between(back, time.Now()) {
				if p.Code == 200 {
					again = p.at.Sub(up)
					break
				}
			}
			figure(f.name, "callers are sent there until %s after (%d of %d calls), of which the fault itself takes %s; found again %s after it is up",
				ms(until), len(sent), len(dead), ms(took), ms(max(again, 0)))
			stay(t, f.name, stays, moves)
		})
	}
}

// settle registers 1004 and 1005 at B, and starts the phone that 1005 will
// have at A.
func settle(t *testing.T) (stays, moves *lab.Phone) {
	t.Helper()
	stays, moves = phone(t, "1004", "answer"), phone(t, "1005", "answer")
	register(t, "1004", b, stays.Contact)
	register(t, "1005", b, "sip:1005@"+lab.PhoneAddress+":6999")
	found(t, 5*time.Second, "1004", b, nodes()...)
	found(t, 5*time.Second, "1005", b, nodes()...)
	return stays, moves
}

// stay checks that 1005 lives at A, whatever B remembers.
func stay(t *testing.T, name string, stays, moves *lab.Phone) {
	t.Helper()
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		for _, n := range nodes() {
			if !best(n, "1005", a) {
				t.Errorf("%s: 1005 has moved to %s, but %s gives %q", name, a.Name, n.Name, homes(n, "1005"))
				return
			}
		}
	}
	if out, err := b.CLI("pjsip show contacts"); err != nil || !strings.Contains(out, "1005/sip:1005@") {
		t.Errorf("%s does not list the old contact any more: %v\n%s", b.Name, err, out)
	}
	was := moves.Invites()
	for _, n := range nodes() {
		call(t, "1002", n, "1005", 200)
		call(t, "1002", n, "1004", 200)
	}
	if got := moves.Invites() - was; got != 3 {
		t.Errorf("the phone at %s rang for %d of 3 calls", a.Name, got)
	}
}

// Asterfed alone dies: at the home, whose Asterisk still answers, and at the
// callers' node, which asks a peer.
func TestFederatorDies(t *testing.T) {
	t.Run("home", func(t *testing.T) {
		stays, moves := settle(t)
		died(t, "asterfed alone killed", b, 12*time.Second, func() { register(t, "1005", a, moves.Contact) }, a, c)
		stay(t, "asterfed alone killed", stays, moves)
	})
	t.Run("caller", func(t *testing.T) {
		settle(t)
		died(t, "asterfed of the caller's node killed", a, 8*time.Second, func() {}, a)
	})
}

// died kills asterfed of a node for a while and starts it again; calls through
// the nodes all complete.
func died(t *testing.T, name string, n *lab.Node, while time.Duration, meanwhile func(), through ...*lab.Node) {
	t.Helper()
	s := startStream(t, "1004", through...)
	lab.Poll(5*time.Second, func() bool { return s.seen(200, len(through), time.Time{}) })
	start := time.Now()
	n.KillFederator()
	time.Sleep(while / 2) // the calls go on meanwhile
	meanwhile()
	time.Sleep(while / 2)
	if err := n.StartFederator(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(4 * time.Second)
	s.end()
	if err := level(n, nodes()...); err != nil {
		t.Error(err)
	}
	calls := s.between(start, time.Now())
	completed := 0
	var slowest time.Duration
	for _, p := range calls {
		if p.Code == 200 {
			completed++
			slowest = max(slowest, p.After)
		}
	}
	if completed != len(calls) || len(calls) < 50 {
		t.Errorf("%s: %d of %d calls completed:%s", name, completed, len(calls), list(calls, start))
	}
	figure(name, "%d of %d calls completed within %s, the slowest answered after %s", completed, len(calls), since(start), ms(slowest))
}
