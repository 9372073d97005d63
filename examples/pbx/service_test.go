//go:build e2e

package pbx

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/test/lab"
)

// cli runs a command at a node's Asterisk.
func cli(t *testing.T, n *lab.Node, command string) string {
	t.Helper()
	out, err := n.CLI(command)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A call to 600 goes where a member of the queue is free, then to where members
// are at least, and without any to the node that the directory names.
func TestQueues(t *testing.T) {
	lead(t, 20*time.Second, "menu.users", "pbx-a")
	call(t, "1002", c, "9000", 200) // an IVR number, from the directory
	onB, onC := phone(t, "1008", "answer", b), phone(t, "1009", "answer", c)
	lead(t, 10*time.Second, "1008.users", "pbx-b")
	lead(t, 10*time.Second, "1009.users", "pbx-c")
	for _, n := range nodes() {
		if got := homes(n, "600.users"); len(got) == 0 || got[0] != "pbx-a" {
			t.Errorf("%s leads an empty queue to %q, not to the node of the directory", n.Name, got)
		}
	}
	t.Cleanup(func() {
		_, _ = b.CLI("queue remove member PJSIP/1008 from 600")
		_, _ = c.CLI("queue remove member PJSIP/1009 from 600")
	})
	cli(t, b, "queue add member PJSIP/1008 to 600")
	known := lead(t, 5*time.Second, "600.users", "pbx-b")
	call(t, "1002", a, "600", 200)
	if onB.Invites() != 1 {
		t.Errorf("the member at pbx-b was called %d times", onB.Invites())
	}
	lead(t, 5*time.Second, "0.0.6.e164", "pbx-b")
	cli(t, c, "queue add member PJSIP/1009 to 600")
	cli(t, b, "queue pause member PJSIP/1008 queue 600")
	paused := lead(t, 5*time.Second, "600.users", "pbx-c", "pbx-b")
	call(t, "1002", b, "600", 200)
	if onB.Invites() != 1 || onC.Invites() != 1 {
		t.Errorf("the members were called %d and %d times", onB.Invites(), onC.Invites())
	}
	cli(t, b, "queue remove member PJSIP/1008 from 600")
	cli(t, c, "queue remove member PJSIP/1009 from 600")
	for _, n := range nodes() {
		if !lab.Poll(5*time.Second, func() bool { got := homes(n, "600.users"); return len(got) > 0 && got[0] == "pbx-a" }) {
			t.Errorf("%s leads the empty queue to %q", n.Name, homes(n, "600.users"))
		}
	}
	figure("queue", "a member's login known everywhere after %s, a pause after %s", ms(known), ms(paused))
}

// A call that is parked at pbx-b is fetched from pbx-c, by its slot alone.
func TestParking(t *testing.T) {
	if got := c.Dig("@127.0.0.1", "701.users.fed.example", "NAPTR"); len(got) != 0 {
		t.Errorf("701 leads to %q while nobody is parked", got)
	}
	parked, err := l.Dial("talk", "1002", b, "*700", 20*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	known := lead(t, 10*time.Second, "701.users", "pbx-b")
	lead(t, time.Second, "1.0.7.e164", "pbx-b")
	fetched, err := l.Dial("talk", "1003", c, "701", 20*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if !lab.Poll(5*time.Second, func() bool { return strings.Contains(cli(t, b, "parking show default"), "(none)") }) {
		t.Errorf("701 is still parked: %s", cli(t, b, "parking show default"))
	}
	gone := lead(t, 5*time.Second, "701.users")
	for who, c := range map[string]*lab.Calling{"parked": parked, "fetching": fetched} {
		if r := c.Wait(); r.Code != 200 {
			t.Errorf("the %s call: %d\n%s", who, r.Code, r.Log)
		}
	}
	call(t, "1003", c, "701", 404)
	figure("parked call", "known everywhere %s after it was dialled, gone %s after it was fetched", ms(known), ms(gone))
}

// A number that the provider of pbx-b hands over reaches its user, wherever he
// is; and a user's call to a number of the network leaves by pbx-b.
func TestNumberFromProvider(t *testing.T) {
	p := provider(t, "5098")
	anna := phone(t, "1001", "answer", c)
	lead(t, 10*time.Second, "1.0.0.1.3.2.1.3.2.7.9.e164", "pbx-c")
	cli(t, b, "pjsip send register telco-reg") // it may be registered still at a provider of a test before
	if !lab.Poll(10*time.Second, func() bool { _, line := p.Customer(); return line != "" }) {
		t.Fatal("pbx-b has not registered")
	}
	r, err := p.CallIn("+4930555", "+97231231001")
	if err != nil {
		t.Fatal(err)
	}
	if r.Code != 200 || anna.Invites() != 1 {
		t.Errorf("a call from the provider: %d, the user rang %d times\n%s", r.Code, anna.Invites(), r.Log)
	}
	// What the network must not do: leave again.
	if r, err := p.CallIn("+4930555", "+4930999"); err != nil || r.Code < 400 || len(p.Calls()) != 0 {
		t.Errorf("a call from the provider back to the network: %d, %v, the provider got %q", r.Code, err, p.Calls())
	}
	lead(t, 20*time.Second, germany, "pbx-b") // not while it registers
	call(t, "1001", c, "+4930999", 200)
	if got := p.Calls(); !slices.Equal(got, []string{"+4930999"}) {
		t.Errorf("the provider got %q", got)
	}
}

// A user's phones on two nodes, one after the other: the first rings and does not
// answer.
func TestInTurn(t *testing.T) {
	for _, n := range nodes() {
		cli(t, n, "dialplan set global TURN 2")
	}
	second := phone(t, "1007", "answer", b)
	lead(t, 10*time.Second, "1007.users", "pbx-b")
	first := phone(t, "1006", "ring", a) // the latest one comes first
	lead(t, 10*time.Second, "team.users", "pbx-a", "pbx-b")
	start := time.Now()
	r := call(t, "1002", c, "*6team", 200)
	if first.Invites() != 1 || second.Invites() != 1 || time.Since(start) < 2*time.Second {
		t.Errorf("the phones rang %d and %d times, the call was answered after %s", first.Invites(), second.Invites(), ms(r.After))
	}
	figure("in turn", "2 phones on 2 nodes, the second answered after %s", ms(r.After))
}
