//go:build e2e

package pbx

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var capture = flag.String("capture", "", "write what AMI says of trunks and rooms to the folder, as plugin/federation/ami/testdata has it")

// labTrunks are the trunks whose transcripts are captured: a static contact
// that is qualified, an outbound registration, and an IAX2 peer.
const labTrunks = `
[telco]
type = aor
contact = sip:10.88.0.100:5098
qualify_frequency = 1
qualify_timeout = 0.5

[telco]
type = endpoint
context = from-trunk
transport = udp
aors = telco
disallow = all
allow = alaw

[telco-reg]
type = registration
transport = udp
server_uri = sip:10.88.0.100:5098
client_uri = sip:customer@10.88.0.100:5098
expiration = 20
retry_interval = 1
max_retries = 10000
forbidden_retry_interval = 1
endpoint = telco
line = yes
`

// TestCapture writes transcripts anew: go test -tags e2e ./examples/pbx -run
// Capture -capture plugin/federation/ami/testdata (an absolute path).
func TestCapture(t *testing.T) {
	if *capture == "" {
		return // the golden files are there
	}
	for i, version := range []string{"16", "22"} {
		t.Run(version, func(t *testing.T) { captureVersion(t, version, fmt.Sprintf("10.88.0.%d", 50+i)) })
	}
}

func captureVersion(t *testing.T, version, address string) {
	n, err := l.AddNode("cap-"+version, address, version, "../three-nodes/pbx-a")
	if err != nil {
		t.Fatal(err)
	}
	defer n.Remove()
	_ = n.Write("/etc/asterisk/pjsip_node.conf", "[transport](!)\ntype = transport\nbind = "+address+"\n")
	_ = n.Append("/etc/asterisk/pjsip_trunk.conf", labTrunks)
	_ = n.Append("/etc/asterisk/iax.conf", "[iaxtelco]\ntype = peer\nhost = 10.88.0.100\nqualify = yes\nqualifyfreqok = 1000\nqualifyfreqnotok = 1000\n")
	_ = n.Append("/etc/asterisk/extensions_site.conf", "[lab-room]\nexten => 500,1,Answer()\n same => n,ConfBridge(500)\nexten => wait,1,Answer()\n same => n,Wait(2)\n")
	_ = n.Append("/etc/asterisk/manager.conf", "[cap]\nsecret = cap\nread = system,call\nwrite = system,reporting\n[few]\nsecret = few\nread = system\nwrite = system\n")
	p, err := l.Provider("5098")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { p.Stop() }()
	if err := n.StartAsterisk(); err != nil {
		t.Fatal(err)
	}
	conn, err := n.Connect("127.0.0.1:5038")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	out, err := os.Create(filepath.Join(*capture, "ast"+version+"_trunk.raw.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		var block strings.Builder
		for sc := bufio.NewScanner(conn); sc.Scan(); {
			line := strings.TrimSuffix(sc.Text(), "\r")
			if line != "" {
				block.WriteString(line + "\r\n")
				continue
			}
			if keepBlock(block.String()) {
				fmt.Fprint(out, block.String()+"\r\n")
			}
			block.Reset()
		}
	}()
	act := func(lines ...string) {
		fmt.Fprintf(out, "#>>> %s\r\n\r\n", strings.Join(lines, " | "))
		fmt.Fprint(conn, strings.Join(lines, "\r\n")+"\r\n\r\n")
		time.Sleep(300 * time.Millisecond)
	}
	list := func() {
		for _, a := range []string{"PJSIPShowEndpoint\r\nEndpoint: telco", "PJSIPShowRegistrationsOutbound", "IAXpeerlist", "ConfbridgeListRooms"} {
			act("Action: "+a, "ActionID: 7")
		}
	}
	act("Action: Login", "Username: cap", "Secret: cap")
	time.Sleep(3 * time.Second)
	list()
	p.Stop()
	time.Sleep(14 * time.Second)
	list()
	if p, err = l.Provider("5098"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(5 * time.Second)
	list()
	_, _ = n.CLI("channel originate Local/500@lab-room extension wait@lab-room")
	time.Sleep(time.Second)
	list()
	time.Sleep(2 * time.Second)
	list()
	act("Action: Login", "Username: few", "Secret: few")
	few, err := n.Connect("127.0.0.1:5038")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(few, "Action: Login\r\nUsername: few\r\nSecret: few\r\n\r\nAction: ConfbridgeListRooms\r\nActionID: 8\r\n\r\nAction: Logoff\r\n\r\n")
	for sc := bufio.NewScanner(few); sc.Scan(); {
		fmt.Fprintln(out, "# few: "+sc.Text())
	}
	conn.Close()
	<-done
}

// keepBlock leaves out what channels do.
func keepBlock(block string) bool {
	for _, s := range []string{"Event: Newchannel", "Event: VarSet", "Event: Newexten", "Event: Local", "Event: Bridge", "Event: Hangup", "Event: Newstate",
		"Event: SoftHangup", "Event: DeviceState", "Event: RTCP", "Event: Music", "Event: DialBegin", "Event: DialEnd", "Event: Originate", "Event: NewConnectedLine",
		"Event: NewCallerid", "Event: ExtensionStatus", "Event: ChannelTalking"} {
		if strings.Contains(block, s) {
			return false
		}
	}
	return true
}
