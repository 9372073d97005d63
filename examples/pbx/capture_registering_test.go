//go:build e2e

package pbx

import (
	"fmt"
	"testing"
	"time"

	"github.com/asterfed/asterfed/test/lab"
)

// TestCaptureRegistering writes transcripts of outbound registrations of chan_sip
// and IAX2 while one is refreshed at a provider that takes more than a second to
// answer, and another one is never answered; see TestCapture. Of the many samples
// that it takes, testdata has those in which something changes.
func TestCaptureRegistering(t *testing.T) {
	captured(t, captureRegistering)
}

func captureRegistering(t *testing.T, n *lab.Node, version string) {
	iax := n.Read("/etc/asterisk/iax.conf")
	_ = n.Write("/etc/asterisk/iax.conf", "[general]\nregister => iaxme:iaxme@127.0.0.1\nregister => dead:iaxme@127.0.0.1:4570\n"+
		iax[len("[general]\n"):]+"\n[iaxme]\ntype = friend\nhost = dynamic\nsecret = iaxme\n[iaxtelco]\ntype = peer\nhost = 127.0.0.1\n")
	_ = n.Write("/etc/asterisk/sip.conf", "[general]\nudpbindaddr = "+n.Address+":5062\nregistertimeout = 5\n"+
		"register => customer@a.example:secret@10.88.0.100:5098\nregister => customer@b.example:secret@10.88.0.100:5097\n"+
		"[telco]\ntype = peer\nhost = 10.88.0.100\nport = 5098\n")
	_ = n.Append("/etc/asterisk/manager.conf", "[cap]\nsecret = cap\nread = system\nwrite = system,reporting\n")
	p, err := l.PhoneAt("provider", "provider-slow", "5098", "29000", "-deadcall_wait", "0")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	if err := n.StartAsterisk(); err != nil {
		t.Fatal(err)
	}
	r := record(t, n, fmt.Sprintf("ast%s_registering.raw.txt", version))
	defer r.close()
	r.act("Action: Login", "Username: cap", "Secret: cap")
	for range 20 {
		for _, a := range []string{"SIPpeers", "SIPshowregistry", "IAXpeerlist", "IAXregistry"} {
			r.act("Action: "+a, "ActionID: 7")
		}
		time.Sleep(500 * time.Millisecond)
	}
}
