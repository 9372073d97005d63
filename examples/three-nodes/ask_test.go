//go:build e2e

package threenodes

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/test/lab"
)

// One question reaches every Asterisk, of either version; what they list is what
// every node answers from, and why and since when is told.
func TestAskEveryone(t *testing.T) {
	one, alice := phone(t, "1001", "answer"), phone(t, "alice", "answer")
	register(t, "1001", a, one.Contact)
	register(t, "alice", b, alice.Contact)
	found(t, 5*time.Second, "1001", a, nodes()...)
	found(t, 5*time.Second, "alice", b, nodes()...)
	for _, x := range []struct{ args, want string }{
		{"ask status", `(?s)pbx-a +state=up .*asterisk=16.*pbx-b +state=up .*asterisk=22.* calls=\d+ processed=\d+ since=20.*pbx-c.*total +nodes=3 calls=`},
		{"ask channels", `(?s)pbx-a +channels=\d+.*total +nodes=3 channels=\d+`},
		{"ask users", `(?s)pbx-a +users=\d+ contacts=\d+ list=[^ ]*1001.*pbx-b +users=\d+ contacts=\d+ list=[^ ]*alice`},
		{"ask verify", `(?m)^3 nodes, \d+ contacts, 0 not published by rule, 0 differences$`},
		{"explain 1001", `10 +pbx-a +1001 +pjsip +1001 +registration +20`},
		{"history 1001", `(?m)^20.* (added|renewed) +pbx-a +pjsip +1001 `},
	} {
		var out string
		var err error
		lab.Poll(10*time.Second, func() bool { // Asterisk is asked once a second at most
			out, err = c.Federator(strings.Fields(x.args)...)
			return err == nil && regexp.MustCompile(x.want).MatchString(out)
		})
		if err != nil || !regexp.MustCompile(x.want).MatchString(out) {
			t.Errorf("asterfed %s: %v\n%s", x.args, err, out)
		}
	}
}

// The stock serf command asks the same, and gets the same words.
func TestAskBySerf(t *testing.T) {
	one := phone(t, "1001", "answer")
	register(t, "1001", b, one.Contact)
	found(t, 5*time.Second, "1001", b, nodes()...)
	for _, x := range []struct{ what, want string }{
		{"status", `(?m)^Response from 'pbx-a': state=up .*asterisk=16.* calls=\d+ processed=\d+ since=20`},
		{"channels", `(?m)^Response from 'pbx-b': channels=\d+`},
		{"users", `(?m)^Response from 'pbx-b': users=\d+ contacts=\d+ list=[^ ]*1001`},
		{"trunks", `(?m)^Response from 'pbx-c': trunks=0 down=0 published=0$`},
	} {
		var out string
		if !lab.Poll(15*time.Second, func() bool { // each answer is one datagram
			out = c.Serf("query", "-timeout", "3s", "federation:"+x.what)
			return regexp.MustCompile(x.want).MatchString(out) && strings.Contains(out, "Total Responses: 3")
		}) {
			t.Errorf("serf query federation:%s:\n%s", x.what, out)
		}
	}
}
