//go:build e2e

package pbx

import (
	"fmt"
	"testing"
	"time"

	"github.com/asterfed/asterfed/test/lab"
)

// servicesDialplan lets calls wait, be parked and fetched, and stand in a queue.
const servicesDialplan = `[lab-service]
exten => wait,1,Answer()
 same => n,Wait(3)
exten => hold,1,Answer()
 same => n,Wait(20)
exten => park,1,Answer()
 same => n,Park()
exten => fetch,1,ParkedCall(,701)
exten => queue,1,Answer()
 same => n,Queue(600,,,,5)
exten => agent,1,Answer()
 same => n,Wait(3)
`

// TestCaptureServices writes transcripts of queues, parked calls, and the
// outbound registrations of chan_sip and IAX2 anew; see TestCapture.
func TestCaptureServices(t *testing.T) {
	captured(t, captureServices)
}

func captureServices(t *testing.T, n *lab.Node, version string) {
	_ = n.Append("/etc/asterisk/extensions_site.conf", servicesDialplan)
	_ = n.Write("/etc/asterisk/queues.conf", "[600]\nstrategy = ringall\nringinuse = no\n[empty]\nstrategy = ringall\n")
	_ = n.Write("/etc/asterisk/res_parking.conf", "[default]\nparkpos = 701-720\ncontext = parkedcalls\nparkingtime = 4\ncomebacktoorigin = no\n")
	_ = n.Append("/etc/asterisk/iax.conf", "[iaxme]\ntype = friend\nhost = dynamic\nsecret = iaxme\n")
	registry := "register => iaxme:iaxme@127.0.0.1\nregister => customer:none@10.88.0.100:4570\n"
	iax := n.Read("/etc/asterisk/iax.conf")
	_ = n.Write("/etc/asterisk/iax.conf", "[general]\n"+registry+iax[len("[general]\n"):])
	sip := n.Read("/etc/asterisk/sip.conf")
	_ = n.Write("/etc/asterisk/sip.conf", "[general]\nregister => customer:none@10.88.0.100:5098\nregistertimeout = 2\n"+sip[len("; chan_sip, which Asterisk 16 still has, beside PJSIP on a port of its own.\n[general]\n"):])
	_ = n.Append("/etc/asterisk/manager.conf", "[cap]\nsecret = cap\nread = system,call,agent\nwrite = system,reporting,call\n[few]\nsecret = few\nread = system\nwrite = system\n")
	p, err := l.Provider("5098")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { p.Stop() }()
	if err := n.StartAsterisk(); err != nil {
		t.Fatal(err)
	}
	r := record(t, n, "ast"+version+"_services.raw.txt")
	defer r.close()
	list := func() {
		for _, a := range []string{"QueueSummary", "ParkedCalls", "SIPshowregistry", "IAXregistry"} {
			r.act("Action: "+a, "ActionID: 7")
		}
	}
	cli := func(command string) {
		fmt.Fprintf(r.out, "# CLI> %s\n\n", command)
		if _, err := n.CLI(command); err != nil {
			t.Error(err)
		}
		time.Sleep(700 * time.Millisecond)
	}
	r.act("Action: Login", "Username: cap", "Secret: cap")
	time.Sleep(3 * time.Second)
	list()
	cli("queue add member Local/agent@lab-service to 600")
	list()
	cli("queue pause member Local/agent@lab-service queue 600")
	list()
	cli("queue unpause member Local/agent@lab-service queue 600")
	cli("channel originate Local/queue@lab-service extension wait@lab-service")
	list()
	time.Sleep(4 * time.Second)
	cli("queue remove member Local/agent@lab-service from 600")
	list()
	cli("channel originate Local/park@lab-service extension hold@lab-service")
	list()
	cli("channel originate Local/fetch@lab-service extension wait@lab-service")
	list()
	cli("channel originate Local/park@lab-service extension hold@lab-service")
	time.Sleep(5 * time.Second) // it times out
	list()
	cli("channel originate Local/park@lab-service extension wait@lab-service")
	time.Sleep(3 * time.Second) // who was parked hangs up
	list()
	p.Stop()
	time.Sleep(2 * time.Second)
	cli("iax2 reload")
	if version == "16" {
		cli("sip reload")
	}
	list()
	r.few("QueueSummary", "ParkedCalls", "SIPshowregistry", "IAXregistry")
}
