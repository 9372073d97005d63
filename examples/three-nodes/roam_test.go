//go:build e2e

package threenodes

import (
	"testing"
	"time"

	"github.com/asterfed/asterfed/test/lab"
)

// reached calls the user from every node and checks that only the phone rings.
func reached(t *testing.T, user string, p, other *lab.Phone) {
	t.Helper()
	for _, n := range nodes() {
		was, wrong := p.Invites(), other.Invites()
		call(t, "1002", n, user, 200)
		if got := p.Invites() - was; got != 1 {
			t.Errorf("call from %s: the right phone rang %d times", n.Name, got)
		}
		if got := other.Invites() - wrong; got != 0 {
			t.Errorf("call from %s: the wrong phone rang", n.Name)
		}
	}
}

// 1001 roams to B while A still holds the old contact, then returns.
func TestRoam(t *testing.T) {
	atA, atB := phone(t, "1001", "answer"), phone(t, "1001", "answer")
	register(t, "1001", a, atA.Contact)
	found(t, 5*time.Second, "1001", a, nodes()...)
	register(t, "1001", b, atB.Contact)
	reached(t, "1001", atB, atA) // at once: the next call
	figure("roam", "from pbx-a to pbx-b: 3 of 3 next calls reach the new phone")

	// A refresh of the same contact, of which Asterisk sends no event.
	register(t, "1001", a, atA.Contact)
	back := found(t, 10*time.Second, "1001", a, nodes()...)
	reached(t, "1001", atA, atB)
	figure("return", "to pbx-a with the same contact: known after %s", ms(back))
}

// 1001 unregisters; 1003 just expires.
func TestGone(t *testing.T) {
	p := phone(t, "1001", "answer")
	register(t, "1001", a, p.Contact)
	found(t, 5*time.Second, "1001", a, nodes()...)
	call(t, "1002", b, "1001", 200)
	if err := l.Register("1001", a, p.Contact, 0); err != nil {
		t.Fatal(err)
	}
	gone(t, "unregister")

	q := phone(t, "1001", "answer")
	if err := l.Register("1001", a, q.Contact, 3); err != nil {
		t.Fatal(err)
	}
	found(t, 5*time.Second, "1001", a, nodes()...)
	q.Stop()
	time.Sleep(3100 * time.Millisecond) // what the phone was granted
	gone(t, "expire")
	figure("expire", "no name left %s after the end", ms(found(t, 20*time.Second, "1001", nil, nodes()...)))
	gone(t, "expired")
}

// gone checks that callers learn at once that 1001 is not found.
func gone(t *testing.T, name string) {
	t.Helper()
	var slowest time.Duration
	for _, n := range nodes() {
		r := call(t, "1002", n, "1001", 404)
		if r.Rang || r.After > time.Second {
			t.Errorf("%s: call from %s rang %t and ended after %s", name, n.Name, r.Rang, ms(r.After))
		}
		slowest = max(slowest, r.After)
	}
	figure(name, "not found after at most %s, no ring", ms(slowest))
}
