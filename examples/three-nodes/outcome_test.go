//go:build e2e

package threenodes

import (
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/examples/lab"
)

// A declined, a busy and an unanswered call end as such for the caller, and
// ring nobody else: not the phone that the user left behind on another node.
func TestOutcomes(t *testing.T) {
	ringSeconds(t, "3")
	for _, o := range []struct {
		name, user, scenario string
		code                 int
		rings                bool
		limit                time.Duration
	}{
		{"busy", "1003", "busy", 486, false, time.Second},
		{"declined", "1004", "decline", 403, true, time.Second},
		{"unanswered", "1005", "ring", 480, true, 5 * time.Second},
	} {
		left, p := phone(t, o.user, "answer"), phone(t, o.user, o.scenario)
		register(t, o.user, c, left.Contact)
		register(t, o.user, b, p.Contact)
		found(t, 5*time.Second, o.user, b, nodes()...)
		for i, n := range nodes() {
			r := call(t, "1002", n, o.user, o.code)
			if r.Rang != o.rings || r.After > o.limit {
				t.Errorf("%s from %s: rang %t, ended after %s", o.name, n.Name, r.Rang, ms(r.After))
			}
			if p.Invites() != i+1 || left.Invites() != 0 {
				t.Errorf("%s from %s: %d calls at the user's phone, %d at another", o.name, n.Name, p.Invites(), left.Invites())
			}
			figure(o.name, "from %s: %d after %s, nobody else rang", n.Name, r.Code, ms(r.After))
		}
	}
}

// ringSeconds sets for how long phones ring.
func ringSeconds(t *testing.T, seconds string) {
	t.Helper()
	for _, n := range nodes() {
		if _, err := n.CLI("dialplan set global RING " + seconds); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _, _ = n.CLI("dialplan set global RING 30") })
	}
}

// A call that the user's phone forwards to a user on another node.
func TestForward(t *testing.T) {
	p := phone(t, "1003", "answer")
	f := phone(t, "1004", "forward", "-key", "forward", "1003")
	register(t, "1003", c, p.Contact)
	register(t, "1004", b, f.Contact)
	found(t, 5*time.Second, "1003", c, nodes()...)
	found(t, 5*time.Second, "1004", b, nodes()...)
	for _, n := range nodes() {
		r := call(t, "1002", n, "1004", 200)
		figure("forward", "from %s by pbx-b to pbx-c: answered after %s", n.Name, ms(r.After))
	}
	if p.Invites() != 3 {
		t.Errorf("the phone rang %d times, want 3", p.Invites())
	}
}

// Two phones on two nodes forward to each other.
func TestForwardLoop(t *testing.T) {
	x := phone(t, "1003", "forward", "-key", "forward", "1004")
	y := phone(t, "1004", "forward", "-key", "forward", "1003")
	register(t, "1003", a, x.Contact)
	register(t, "1004", b, y.Contact)
	found(t, 5*time.Second, "1003", a, nodes()...)
	found(t, 5*time.Second, "1004", b, nodes()...)
	for _, n := range nodes() {
		w, err := lab.WatchChannels(nodes()...)
		if err != nil {
			t.Fatal(err)
		}
		r, err := l.Call("1002", n, "1003")
		w.Close()
		if err != nil {
			t.Fatal(err)
		}
		if r.Code < 400 || r.After > 2*time.Second || w.Peak() > 10 {
			t.Errorf("loop from %s: %d after %s, %d channels\n%s", n.Name, r.Code, ms(r.After), w.Peak(), r.Log)
		}
		figure("forward loop", "from %s: ended with %d after %s, at most %d channels on all nodes together", n.Name, r.Code, ms(r.After), w.Peak())
	}
}

// trunk answers whatever reaches the trunk of the example.
func trunk(t *testing.T) *lab.Phone {
	t.Helper()
	p, err := l.PhoneAt("trunk", "answer", "5099", "5102")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p
}

// single makes a call that must start no channel but the caller's own, those
// that the prefixes allow excepted, and must not reach the trunk.
func single(t *testing.T, through *lab.Node, to string, tr *lab.Phone, allowed ...string) lab.Call {
	t.Helper()
	w, err := lab.WatchChannels(nodes()...)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	r, err := l.Call("1002", through, to)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range w.Started() {
		ok := strings.HasPrefix(name, "PJSIP/1002-")
		for _, prefix := range allowed {
			ok = ok || strings.HasPrefix(name, prefix)
		}
		if !ok {
			t.Errorf("%s calls %q through %s: channel %s has started", "1002", to, through.Name, name)
		}
	}
	if n := tr.Invites(); n != 0 {
		t.Errorf("%d calls reached the trunk", n)
	}
	return r
}

// A phone registers contacts that would start calls of their own in Dial().
func TestRogueContact(t *testing.T) {
	tr := trunk(t)
	accepted := 0
	for _, n := range nodes() {
		for _, contact := range []string{
			"sip:x@h&PJSIP/trunk/900",
			"sip:x,30,U(lab)@h",
			"sip:1003@" + lab.PhoneAddress + ":6999;x=&PJSIP/trunk/900",
			"sip:1003@" + lab.PhoneAddress + ":6999;x=${SHELL(id)}",
			"sip:x&PJSIP/trunk/900@h",
		} {
			if l.Register("1003", n, contact, 60) == nil {
				accepted++
			}
			defer func() { _ = l.Register("1003", n, "*", 0) }()
		}
	}
	if accepted == 0 {
		t.Fatal("no Asterisk has taken any of the contacts: this proves nothing")
	}
	if !lab.Poll(5*time.Second, func() bool { return len(homes(a, "1003")) > 0 }) {
		t.Errorf("no home for 1003")
	}
	for _, n := range nodes() {
		if r := single(t, n, "1003", tr, "PJSIP/fed-"); r.Code < 400 {
			t.Errorf("call from %s: %d", n.Name, r.Code)
		}
	}
	figure("rogue contact", "%d contacts with & and , registered: no second channel, nothing at the trunk", accepted)
}

// The digits that a caller dials, and what a phone forwards to.
func TestRogueCaller(t *testing.T) {
	tr := trunk(t)
	for _, n := range nodes() {
		for _, to := range []string{"1003%26PJSIP%2ftrunk%2f900", "1003,30,U(lab)", "fed", "trunk"} {
			if r := single(t, n, to, tr); r.Code < 400 {
				t.Errorf("call from %s to %q: %d", n.Name, to, r.Code)
			}
		}
	}
	f := phone(t, "1004", "forward", "-key", "forward", "PJSIP%2f900%40trunk")
	register(t, "1004", b, f.Contact)
	found(t, 5*time.Second, "1004", b, nodes()...)
	for _, n := range nodes() {
		single(t, n, "1004", tr, "PJSIP/fed-", "PJSIP/1004-")
	}
	figure("rogue caller", "%d calls: nothing at the trunk", 5*len(nodes()))
}
