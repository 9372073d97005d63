//go:build e2e

package threenodes

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/test/lab"
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
		{"refused by the phone", "1006", "refuse", 403, false, time.Second},
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

// A node that does not take the account of the others has asked nobody: the next
// home rings, and the log says which node is wrong. The user's own decline is
// final, whatever his other homes (see TestOutcomes).
func TestRefusedNode(t *testing.T) {
	atC, atB := phone(t, "1003", "answer"), phone(t, "1003", "answer")
	register(t, "1003", c, atC.Contact)
	register(t, "1003", b, atB.Contact)
	found(t, 5*time.Second, "1003", b, nodes()...)
	const site = "/etc/asterisk/extensions_site.conf"
	dialplan := b.Read(site)
	t.Cleanup(func() {
		_ = b.Write(site, dialplan)
		_, _ = b.CLI("dialplan reload")
	})
	if err := b.Append(site, "[closed]\nexten => _X.,1,Hangup(21)\n"); err != nil {
		t.Fatal(err)
	}
	_, _ = b.CLI("dialplan reload")
	for _, refusal := range []struct{ name, file, old, new, said string }{
		{"another password", "pjsip_secret.conf", "password = ", "password = x", "SIP 401"},
		{"another realm", "pjsip_federation.conf", "realm = asterisk", "realm = elsewhere", "SIP 40[137]"},
		{"another address", "pjsip_federation.conf", "[fed]\ntype = endpoint\n", "[fed]\ntype = endpoint\ndeny = 0.0.0.0/0\n", "SIP 40[137]"},
		{"a rule of the node", "pjsip_federation.conf", "context = from-fed\n", "context = closed\n", "SIP 403"},
	} {
		t.Run(refusal.name, func(t *testing.T) {
			file := "/etc/asterisk/" + refusal.file
			old := b.Read(file)
			reload := func(text string) {
				if err := b.Write(file, text); err != nil {
					t.Fatal(err)
				}
				if _, err := b.CLI("module reload res_pjsip.so"); err != nil {
					t.Fatal(err)
				}
			}
			defer reload(old)
			reload(strings.ReplaceAll(old, refusal.old, refusal.new))
			for _, n := range []*lab.Node{a, c} {
				there, here := atC.Invites(), atB.Invites()
				r := call(t, "1002", n, "1003", 200)
				if atC.Invites() != there+1 || atB.Invites() != here {
					t.Errorf("from %s: %d calls at the other home, %d at the node that refuses", n.Name, atC.Invites()-there, atB.Invites()-here)
				}
				log := n.Read("/var/log/asterisk/full")
				if !regexp.MustCompile(`pbx-b refuses calls as "fed": ` + refusal.said).MatchString(log) {
					t.Errorf("%s does not say who refuses:\n%s", n.Name, log[max(0, len(log)-9000):])
				}
				figure("refused node", "%s, from %s: the next home answers after %s", refusal.name, n.Name, ms(r.After))
			}
		})
	}
	found(t, 5*time.Second, "1003", b, nodes()...)
	call(t, "1002", a, "1003", 200)
	if atB.Invites() != 1 {
		t.Errorf("after the mend, the best home has %d calls, want 1", atB.Invites())
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

// A phone transfers the other party of its call to a user on a third node.
func TestBlindTransfer(t *testing.T) {
	one, three := phone(t, "1001", "answer"), phone(t, "1003", "answer")
	register(t, "1001", a, one.Contact)
	register(t, "1003", c, three.Contact)
	found(t, 5*time.Second, "1001", a, nodes()...)
	found(t, 5*time.Second, "1003", c, nodes()...)
	t.Cleanup(func() {
		for _, n := range nodes() {
			_, _ = n.CLI("channel request hangup all")
		}
	})
	for i, n := range nodes() {
		start := time.Now()
		call, err := l.Dial("transfer", "1002", n, "1001", 20*time.Second, "-key", "target", "1003")
		if err != nil {
			t.Fatal(err)
		}
		if !lab.Poll(10*time.Second, func() bool { return three.Invites() == i+1 }) {
			t.Errorf("transfer through %s: the target's phone does not ring\n%s", n.Name, call.Wait().Log)
			continue
		}
		rang := time.Since(start)
		call.Wait()
		if got := one.Invites(); got != i+1 {
			t.Errorf("transfer through %s: the transferred phone rang %d times, want %d", n.Name, got, i+1)
		}
		figure("blind transfer", "by %s from pbx-a to pbx-c: the target is called %s after the call began", n.Name, ms(rang))
	}
}

// Without any answer from DNS, users of the node itself can still be called.
func TestNoDNS(t *testing.T) {
	p := phone(t, "1003", "answer")
	register(t, "1003", a, p.Contact)
	found(t, 5*time.Second, "1003", a, nodes()...)
	old := a.Read("/etc/resolv.conf")
	t.Cleanup(func() {
		_ = a.Write("/etc/resolv.conf", old)
		if err := a.StartFederator(); err != nil {
			t.Error(err)
		}
		if err := level(a, nodes()...); err != nil {
			t.Error(err)
		}
	})
	if err := a.Write("/etc/resolv.conf", "nameserver 127.0.0.1\nnameserver 10.88.0.99\noptions timeout:1 attempts:1\n"); err != nil {
		t.Fatal(err)
	}
	a.KillFederator()
	here, there := call(t, "1002", a, "1003", 200), call(t, "1002", a, "1004", 404)
	figure("no name server", "own user answered after %s, others not found after %s", ms(here.After), ms(there.After))
}
