//go:build e2e

package pbx

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asterfed/asterfed/test/lab"
)

// parties asks the manager of a node who is in the room: the participants that
// its Asterisk counts.
func parties(n *lab.Node, room string) int {
	out, err := n.CLI("confbridge list " + room)
	if err != nil || !strings.Contains(out, "PJSIP/") {
		return 0
	}
	return strings.Count(out, "PJSIP/")
}

// Three phones on three nodes dial 500 on their own node, two of them at the
// same moment: all are in one room, that of the node that the directory names.
// A room that was begun elsewhere is where everybody comes to while it lasts.
func TestRooms(t *testing.T) {
	before := lead(t, 20*time.Second, "500.users", "pbx-a")
	var wg sync.WaitGroup
	calls := make([]*lab.Calling, 3)
	var began [3]time.Time
	gate := make(chan struct{})
	for i, n := range nodes() {
		wg.Go(func() {
			<-gate
			if i == 2 {
				time.Sleep(300 * time.Millisecond)
			}
			began[i] = time.Now()
			var err error
			if calls[i], err = l.Dial("talk", fmt.Sprintf("100%d", i+2), n, "500", 20*time.Second); err != nil {
				t.Error(err)
			}
		})
	}
	close(gate)
	wg.Wait()
	apart := began[1].Sub(began[0]).Abs()
	together := lab.Poll(5*time.Second, func() bool { return parties(a, "500") == 3 })
	if !together || parties(b, "500")+parties(c, "500") != 0 {
		t.Errorf("in the room: %d at pbx-a, %d at pbx-b, %d at pbx-c", parties(a, "500"), parties(b, "500"), parties(c, "500"))
	}
	live := lead(t, 2*time.Second, "0.0.5.e164", "pbx-a")
	for _, c := range calls {
		if r := c.Wait(); r.Code != 200 {
			t.Errorf("a call to 500: %d\n%s", r.Code, r.Log)
		}
	}
	figure("room", "3 phones on 3 nodes in one room, two of them dialled %s apart; led there before after %s, in use after %s", apart, ms(before), ms(live))

	// Somebody begins it on pbx-b, for all the directory says.
	elsewhere, err := l.Dial("talk", "1006", b, "*8500", 20*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if !lab.Poll(5*time.Second, func() bool { return parties(b, "500") == 1 }) {
		t.Fatal("no room at pbx-b")
	}
	moved := lead(t, 2*time.Second, "500.users", "pbx-b")
	joined, err := l.Dial("talk", "1007", c, "500", 20*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if !lab.Poll(5*time.Second, func() bool { return parties(b, "500") == 2 }) || parties(a, "500") != 0 {
		t.Errorf("in the room: %d at pbx-a, %d at pbx-b", parties(a, "500"), parties(b, "500"))
	}
	elsewhere.Wait()
	joined.Wait()
	back := lead(t, 3*time.Second, "500.users", "pbx-a")
	figure("room elsewhere", "known everywhere %s after it began, back at its node %s after it ended", ms(moved), ms(back))
}

// A user with two phones on two nodes rings on both; a call to one who is
// registered nowhere reaches the voicemail of its node; a caller has a name;
// and one user is found in every form.
func TestUsers(t *testing.T) {
	one, two := phone(t, "1006", "ring", a), phone(t, "1007", "answer", b)
	for name, want := range map[string][]string{"1006.users": {"pbx-a"}, "1007.users": {"pbx-b"}} {
		lead(t, 10*time.Second, name, want...)
	}
	if !lab.Poll(20*time.Second, func() bool { // who answers at once may do so before the other call has found its way
		first, second := one.Invites(), two.Invites()
		call(t, "1002", c, "*5team", 200)
		return one.Invites() == first+1 && two.Invites() == second+1
	}) {
		t.Errorf("the phones of team never rang at once: %d and %d times", one.Invites(), two.Invites())
	}
	for _, n := range nodes() {
		call(t, "1002", n, "1005", 200)
	}
	eva := phone(t, "1005", "answer", b)
	for _, n := range nodes() {
		if !lab.Poll(10*time.Second, func() bool {
			return strings.Contains(strings.Join(n.Dig("@127.0.0.1", "1005.users.fed.example", "NAPTR"), " "), "sip:1005@pbx-b")
		}) {
			t.Errorf("%s does not know that 1005 is registered", n.Name)
		}
	}
	call(t, "1002", a, "1005", 200)
	if eva.Invites() != 1 {
		t.Errorf("1005 rang %d times once registered", eva.Invites())
	}
	anna := phone(t, "1001", "answer", b)
	lead(t, 10*time.Second, "1001.users", "pbx-b")
	right := 0
	for _, n := range nodes() {
		for line, want := range map[string]string{"cid1001": "Anna", "look1001": at("1001"), "look97231231001": at("1001"), "look+97231231001": at("1001"),
			"look031231001": at("1001"), "look0097231231001": at("1001"), "aliasanna": at("1001"), "isn": at("1001")} {
			if got := logged(t, n, line); got != want {
				t.Errorf("%s, %s: got %q, want %q", n.Name, line, got, want)
			} else {
				right++
			}
		}
		was := anna.Invites()
		forms := []string{"1001", "+97231231001", "031231001", "0097231231001", "anna"}
		for _, form := range forms {
			call(t, "1002", n, form, 200)
		}
		if got := anna.Invites() - was; got != len(forms) {
			t.Errorf("of %d calls through %s %d reached 1001", len(forms), n.Name, got)
		}
	}
	figure("one user", "%d of 24 lookups right, in 8 forms on 3 nodes", right)
}

func at(user string) string { return user + "@pbx-b.nodes.fed.example" }

// logged has a node run an extension of its context lab, and returns what it
// logs.
func logged(t *testing.T, n *lab.Node, line string) string {
	t.Helper()
	before := len(n.Read("/var/log/asterisk/full"))
	if _, err := n.CLI("channel originate Local/" + line + "@lab application NoOp"); err != nil {
		t.Fatal(err)
	}
	var found string
	lab.Poll(5*time.Second, func() bool {
		log := n.Read("/var/log/asterisk/full")
		lines := strings.Split(log[min(before, len(log)):], "\n")
		i := slices.IndexFunc(lines, func(l string) bool {
			return strings.Contains(l, "NOTICE") && strings.Contains(l, "lab:"+line+":") && strings.HasSuffix(l, ":")
		})
		if i < 0 {
			return false
		}
		_, found, _ = strings.Cut(lines[i], "lab:"+line+":")
		found = strings.TrimSuffix(strings.TrimSpace(found), ":")
		return true
	})
	return found
}
