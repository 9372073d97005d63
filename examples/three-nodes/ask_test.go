//go:build e2e

package threenodes

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/examples/lab"
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
