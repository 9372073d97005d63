//go:build e2e

package threenodes

import (
	"testing"

	"github.com/asterfed/asterfed/test/lab"
)

// outsideDialplan lets a phone ask another node for what users are not.
const outsideDialplan = `
[from-phones](+)
exten => _*71X.,1,Dial(PJSIP/fed/sip:${EXTEN:3}@pbx-a.nodes.fed.example\;transport=udp,20)
exten => _*72X.,1,Dial(PJSIP/fed/sip:${EXTEN:3}@pbx-b.nodes.fed.example\;transport=udp,20)
exten => _*73.,1,Dial(PJSIP/fed/sip:trunk@${EXTEN:3}\;transport=udp,20)
`

// A call from another node reaches users only: no trunk, by number or by name.
func TestTrunkOutOfReach(t *testing.T) {
	tr := trunk(t)
	const file = "/etc/asterisk/extensions_site.conf"
	old := c.Read(file)
	t.Cleanup(func() {
		_ = c.Write(file, old)
		_, _ = c.CLI("dialplan reload")
	})
	if err := c.Append(file, outsideDialplan); err != nil {
		t.Fatal(err)
	}
	_, _ = c.CLI("dialplan reload")
	for _, to := range []string{"*719001", "*729001", "*7310.88.0.1", "*7310.88.0.2"} {
		if r := single(t, c, to, tr, "PJSIP/fed-"); r.Code < 400 {
			t.Errorf("call to %s: %d", to, r.Code)
		}
	}
	if r := call(t, "1002", a, "9001", 200); r.Code == 200 && tr.Invites() != 1 {
		t.Errorf("the trunk has %d calls: this proves nothing", tr.Invites())
	}
	figure("trunk", "reached by a phone of the node, not by 4 calls from another node")
}

// A phone that says it is "fed" is refused.
func TestPhoneAsFed(t *testing.T) {
	p := phone(t, "1003", "answer")
	register(t, "1003", a, p.Contact)
	for _, n := range []*lab.Node{a, b} {
		r, err := l.Call("fed", n, "1003") // with the password "change-me-fed"
		if err != nil {
			t.Fatal(err)
		}
		if r.Code == 200 || p.Invites() != 0 {
			t.Errorf("a phone as fed got %d from %s\n%s", r.Code, n.Name, r.Log)
		}
		if err := l.Register("fed", n, p.Contact, 60); err == nil {
			t.Errorf("a phone has registered as fed at %s", n.Name)
		}
	}
	figure("phone as fed", "refused by Asterisk 16 and 22")
}
