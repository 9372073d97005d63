//go:build e2e

package pbx

import (
	"bufio"
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/asterfed/asterfed/test/lab"
)

// provider starts a provider until the test ends.
func provider(t *testing.T, port string) *lab.Provider {
	t.Helper()
	p, err := l.Provider(port)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Stop() })
	return p
}

// notice tells when the node's Asterisk says that its trunk telco is unreachable.
func notice(t *testing.T, n *lab.Node) <-chan time.Time {
	t.Helper()
	conn, err := n.Connect("127.0.0.1:5038")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	fmt.Fprint(conn, "Action: Login\r\nUsername: watch\r\nSecret: watch\r\n\r\n")
	at := make(chan time.Time, 1)
	go func() {
		telco := false
		for sc := bufio.NewScanner(conn); sc.Scan(); {
			switch line := sc.Text(); {
			case line == "":
				telco = false
			case line == "URI: sip:10.88.0.100:5098":
				telco = true
			case telco && line == "ContactStatus: Unreachable":
				at <- time.Now()
				return
			}
		}
		at <- time.Time{}
	}()
	return at
}

// withdrawn ends the provider of pbx-b, and returns how long after that, and after
// the event of its Asterisk, every node has ceased to lead to it.
func withdrawn(t *testing.T, p *lab.Provider) (gone, behind time.Duration) {
	t.Helper()
	noticed := notice(t, b)
	left := make(chan error, 3)
	for _, n := range nodes() {
		go func() {
			left <- n.AskUntil(germany+".fed.example", 15*time.Second, func(answer []byte) bool { return !bytes.Contains(answer, []byte("@pbx-b.")) })
		}()
	}
	start := time.Now()
	p.Stop()
	for range nodes() {
		if err := <-left; err != nil {
			t.Fatal(err)
		}
	}
	end := time.Now()
	return end.Sub(start), end.Sub(<-noticed)
}

const germany = "9.9.9.0.3.9.4.e164"

// A phone at pbx-c calls Germany: out through the trunk of pbx-b, which is the
// cheapest, then through that of pbx-a once the provider of pbx-b is dead, and
// through pbx-b again when it is back.
func TestTrunks(t *testing.T) {
	cheap, dear := provider(t, "5098"), provider(t, "5097")
	up := lead(t, 20*time.Second, germany, "pbx-b", "pbx-a")
	call(t, "1002", c, "+4930999", 200)
	call(t, "1002", c, "004930999", 200)
	call(t, "1002", b, "+4930999", 200)
	if got := cheap.Calls(); !slices.Equal(got, []string{"+4930999", "+4930999", "+4930999"}) || len(dear.Calls()) != 0 {
		t.Errorf("calls at the provider of pbx-b %q, of pbx-a %q", got, dear.Calls())
	}
	gone, behind := withdrawn(t, cheap)
	for range 2 { // a machine that is busy at the moment is no proof of anything
		if behind <= time.Second {
			break
		}
		cheap = provider(t, "5098")
		lead(t, 20*time.Second, germany, "pbx-b", "pbx-a")
		gone, behind = withdrawn(t, cheap)
	}
	if behind > time.Second {
		t.Errorf("the trunk is gone everywhere %s after Asterisk has noticed, want 1 s at most", ms(behind))
	}
	lead(t, 10*time.Second, germany, "pbx-a")
	call(t, "1002", c, "+4930998", 200)
	if got := dear.Calls(); !slices.Equal(got, []string{"+4930998"}) {
		t.Errorf("calls at the provider of pbx-a: %q", got)
	}
	if got := c.Dig("@127.0.0.1", "_sip._udp.berlin.trunks.fed.example", "SRV"); len(got) != 0 {
		t.Errorf("the trunk is still there: %q", got)
	}
	provider(t, "5098")
	back := lead(t, 20*time.Second, germany, "pbx-b", "pbx-a")
	figure("trunk", "up after %s; after its provider died gone everywhere in %s, %s after Asterisk's event; back in %s (qualify every 1 s)", ms(up), ms(gone), ms(behind), ms(back))
	for _, name := range []string{"berlin.trunks", "telco.providers"} {
		if got := c.Dig("@127.0.0.1", "_sip._udp."+name+".fed.example", "SRV"); !slices.Equal(got, []string{"10 30 5060 pbx-b.nodes.fed.example."}) {
			t.Errorf("SRV of %s: %q", name, got)
		}
	}
}

// outside lets a phone of pbx-c try what other nodes must not get.
const outside = `
[from-phones](+)
exten => _*71.,1,Dial(PJSIP/fed/sip:${EXTEN:3}@pbx-b.nodes.fed.example\;transport=udp,20)
exten => _*72.,1,Dial(PJSIP/fed/sip:${EXTEN:3}\;tgrp=berlin\;trunk-context=fed.example@pbx-b.nodes.fed.example\;transport=udp,20)
exten => _*73.,1,Dial(PJSIP/fedtrunk/sip:${EXTEN:3}\;tgrp=berlin\;trunk-context=fed.example@pbx-b.nodes.fed.example\;transport=udp,20)
exten => _*75.,1,Dial(IAX2/fed:[fed]@pbx-b.nodes.fed.example/${EXTEN:3},20)
exten => _*76.,1,Dial(IAX2/fed:[fed]@pbx-b.nodes.fed.example/${EXTEN:3}\;tgrp=berlin\;trunk-context=fed.example,20)
exten => _*77.,1,Dial(IAX2/fedtrunk:[fedtrunk]@pbx-b.nodes.fed.example/${EXTEN:3}\;tgrp=berlin\;trunk-context=fed.example,20)
exten => _*78.,1,Dial(IAX2/fedtrunk:[fedtrunk]@pbx-b.nodes.fed.example/${EXTEN:3},20)
exten => _*79.,1,Dial(IAX2/fedtrunk:[fed]@pbx-b.nodes.fed.example/${EXTEN:3}\;tgrp=berlin\;trunk-context=fed.example,20)
exten => _*74.,1,Dial(PJSIP/fedtrunk/sip:${EXTEN:3}@pbx-b.nodes.fed.example\;transport=udp,20)
`

// By SIP and by IAX2: the account of users reaches no trunk, and the account of trunks no premium
// number, no user and no trunk that it does not name.
func TestTrunkAccount(t *testing.T) {
	telco := provider(t, "5098")
	provider(t, "5097")
	user := phone(t, "1003", "answer", b)
	lead(t, 20*time.Second, germany, "pbx-b", "pbx-a")
	const file = "/etc/asterisk/extensions_site.conf"
	old := c.Read(file)
	t.Cleanup(func() {
		_ = c.Write(file, old)
		_, _ = c.CLI("dialplan reload")
	})
	if err := c.Append(file, outside); err != nil {
		t.Fatal(err)
	}
	_, _ = c.CLI("dialplan reload")
	for _, to := range []string{"*71+4930999", "*72+4930999", "*73+49900123", "*74+4930999", "*741003",
		"*75+4930999", "*76+4930999", "*77+49900123", "*78+4930999", "*781003", "*79+4930999"} {
		r, err := l.Call("1002", c, to)
		if err != nil {
			t.Fatal(err)
		}
		if r.Code < 400 {
			t.Errorf("call to %s: %d", to, r.Code)
		}
	}
	if len(telco.Calls()) != 0 || user.Invites() != 0 {
		t.Errorf("the provider got %q, the user %d calls", telco.Calls(), user.Invites())
	}
	call(t, "1002", c, "*73+4930999", 200)
	call(t, "1002", c, "*77+4930998", 200)
	call(t, "1002", c, "*4+4930997", 200) // as ENUM has it
	if got := telco.Calls(); !slices.Equal(got, []string{"+4930999", "+4930998", "+4930997"}) {
		t.Errorf("the provider got %q: this proves nothing", got)
	}
	figure("trunk account", "11 calls refused, 5 by SIP and 6 by IAX2, 2 of them to a premium number")
}
