//go:build e2e

package threenodes

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/test/lab"
)

// A phone on another node calls, and both talk.
func TestTalk(t *testing.T) {
	p := phone(t, "1001", "answer")
	register(t, "1001", a, p.Contact)
	figure("register to answer", "%s on all nodes", ms(found(t, 5*time.Second, "1001", a, nodes()...)))
	ear, err := l.Listen()
	if err != nil {
		t.Fatal(err)
	}
	defer ear.Close()
	heard := 0
	for i, through := range []*lab.Node{b, c} {
		c, err := l.Dial("talk", fmt.Sprintf("100%d", i+2), through, "1001", 20*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		r := c.Wait()
		there, digits := ear.Heard(p.Media)
		there, heard = there-heard, there
		back, _ := ear.Heard(c.Media)
		if r.Code != 200 || there < 50 || back < 50 || digits != "5" {
			t.Errorf("call through %s: response %d, %d packets there, %d back, digits %q\n%s", through.Name, r.Code, there, back, digits, r.Log)
		}
		figure("talk", "%s to %s: answered after %s, %d RTP packets there, %d back, digit %s read", through.Name, a.Name, ms(r.After), there, back, digits)
	}
}

// labDialplan asks ENUM in every form, and calls in the ways that the example
// itself does not use.
const labDialplan = `
[from-phones](+)
exten => *701,1,Dial(PJSIP/fed/sip:1001@1001.users.fed.example,20)

[lab]
exten => e164,1,Log(NOTICE,lab:e164:${ENUMLOOKUP(1001,sip,,1,e164.fed.example)}:)
exten => plus,1,Log(NOTICE,lab:plus:${ENUMLOOKUP(+1001,sip,u,1,e164.fed.example)}:)
exten => users,1,Log(NOTICE,lab:users:${ENUMLOOKUP(1001,pjsip,d,1,users.fed.example)}:)
exten => alice,1,Log(NOTICE,lab:alice:${ENUMLOOKUP(alice,sip,d,1,users.fed.example)}:)
exten => default,1,Log(NOTICE,lab:default:${ENUMLOOKUP(1001,,d,1,users.fed.example)}:)
exten => iax,1,Log(NOTICE,lab:iax:${ENUMLOOKUP(1001,iax2,d,1,users.fed.example)}:)
exten => nobody,1,Log(NOTICE,lab:nobody:${ENUMLOOKUP(1999,sip,dc,1,users.fed.example)}:)
exten => query,1,Set(ID=${ENUMQUERY(1001,sip,e164.fed.example)})
 same => n,Log(NOTICE,lab:query:${ENUMRESULT(${ID},getnum)} ${ENUMRESULT(${ID},1)}:)
`

// enum has a node evaluate one line of labDialplan.
func enum(t *testing.T, n *lab.Node, line string) string {
	t.Helper()
	logged := regexp.MustCompile(`lab:` + line + `:(.*):\n`)
	before := len(n.Read("/var/log/asterisk/full"))
	if _, err := n.CLI("channel originate Local/" + line + "@lab application NoOp"); err != nil {
		t.Fatal(err)
	}
	var m []string
	lab.Poll(5*time.Second, func() bool {
		log := n.Read("/var/log/asterisk/full")
		for line := range strings.Lines(log[min(before, len(log)):]) {
			if strings.Contains(line, "NOTICE") {
				if m = logged.FindStringSubmatch(line); m != nil {
					return true
				}
			}
		}
		return false
	})
	if m == nil {
		t.Fatalf("%s logs nothing for %s", n.Name, line)
	}
	return m[1]
}

// Asterisk 16 and 22 look 1001 and alice up in every way they have.
func TestLookups(t *testing.T) {
	one, alice := phone(t, "1001", "answer"), phone(t, "alice", "answer")
	register(t, "1001", a, one.Contact)
	register(t, "alice", b, alice.Contact)
	found(t, 5*time.Second, "1001", a, nodes()...)
	found(t, 5*time.Second, "alice", b, nodes()...)
	const file = "/etc/asterisk/extensions_site.conf"
	for _, n := range nodes() {
		old := n.Read(file)
		if err := n.Append(file, labDialplan); err != nil {
			t.Fatal(err)
		}
		_, _ = n.CLI("dialplan reload")
		t.Cleanup(func() {
			_ = n.Write(file, old)
			_, _ = n.CLI("dialplan reload")
		})
	}
	want := map[string]string{
		"e164":    "1001@pbx-a.nodes.fed.example",
		"plus":    "sip:1001@pbx-a.nodes.fed.example",
		"users":   "1001@pbx-a.nodes.fed.example",
		"alice":   "alice@pbx-b.nodes.fed.example",
		"default": "1001@pbx-a.nodes.fed.example",
		"iax":     "fed@pbx-a.nodes.fed.example/1001",
		"nobody":  "-1",
		"query":   "1 1001@pbx-a.nodes.fed.example",
	}
	right := 0
	for _, n := range nodes() {
		for line, result := range want {
			if got := enum(t, n, line); got != result {
				t.Errorf("%s, %s: got %q, want %q", n.Name, line, got, result)
			} else {
				right++
			}
		}
	}
	figure("ENUMLOOKUP and ENUMQUERY", "%d of %d results right on Asterisk 16, 22, 22", right, 3*len(want))
	for _, n := range nodes() {
		r := call(t, "1002", n, "alice", 200)
		figure("call to alice", "from %s answered after %s", n.Name, ms(r.After))
	}
	for _, n := range []*lab.Node{b, c} {
		r := call(t, "1002", n, "*701", 200)
		figure("Asterisk's own SRV lookup", "from %s answered after %s", n.Name, ms(r.After))
		w, err := lab.WatchChannels(n)
		if err != nil {
			t.Fatal(err)
		}
		r = call(t, "1002", n, "*41001", 200)
		if names := strings.Join(w.Started(), " "); !strings.Contains(names, "IAX2/") {
			t.Errorf("the call by IAX2 used %s", names)
		}
		w.Close()
		figure("call by IAX2", "from %s answered after %s", n.Name, ms(r.After))
	}
}
