//go:build e2e

package pbx

import (
	"bufio"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/asterfed/asterfed/test/lab"
)

var capture = flag.String("capture", "", "write what AMI says of trunks and rooms to the folder, as plugin/federation/ami/pbx/testdata has it")

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
// Capture -capture plugin/federation/ami/pbx/testdata (an absolute path).
func TestCapture(t *testing.T) {
	captured(t, captureVersion)
}

// captured calls f with a node of each version, not started yet, if transcripts
// are to be written.
func captured(t *testing.T, f func(t *testing.T, n *lab.Node, version string)) {
	if *capture == "" {
		return // the golden files are there
	}
	for i, version := range []string{"16", "22"} {
		t.Run(version, func(t *testing.T) {
			address := fmt.Sprintf("10.88.0.%d", 50+i)
			n, err := l.AddNode("cap-"+version, address, version, "../three-nodes/pbx-a")
			if err != nil {
				t.Fatal(err)
			}
			defer n.Remove()
			_ = n.Write("/etc/asterisk/pjsip_node.conf", "[transport](!)\ntype = transport\nbind = "+address+"\n")
			f(t, n, version)
		})
	}
}

func captureVersion(t *testing.T, n *lab.Node, version string) {
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
	r := record(t, n, "ast"+version+"_trunk.raw.txt")
	defer r.close()
	list := func() {
		for _, a := range []string{"PJSIPShowEndpoint\r\nEndpoint: telco", "PJSIPShowRegistrationsOutbound", "IAXpeerlist", "ConfbridgeListRooms"} {
			r.act("Action: "+a, "ActionID: 7")
		}
	}
	r.act("Action: Login", "Username: cap", "Secret: cap")
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
	r.few("ConfbridgeListRooms")
}

// recorder writes down what is said on a connection to the manager of a node.
type recorder struct {
	node *lab.Node
	conn net.Conn
	out  *os.File
	done chan struct{}
}

// record opens a connection, and a file in the folder of -capture.
func record(t *testing.T, n *lab.Node, file string) *recorder {
	t.Helper()
	conn, err := n.Connect("127.0.0.1:5038")
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.Create(filepath.Join(*capture, file))
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{node: n, conn: conn, out: out, done: make(chan struct{})}
	go r.read()
	return r
}

func (r *recorder) close() {
	r.conn.Close()
	<-r.done
	r.out.Close()
}

func (r *recorder) read() {
	defer close(r.done)
	var block strings.Builder
	for sc := bufio.NewScanner(r.conn); sc.Scan(); {
		line := strings.TrimSuffix(sc.Text(), "\r")
		if line != "" {
			block.WriteString(line + "\n")
			continue
		}
		if keepBlock(block.String()) {
			fmt.Fprint(r.out, block.String()+"\n")
		}
		block.Reset()
	}
}

// act sends an action and gives its answer time.
func (r *recorder) act(lines ...string) {
	fmt.Fprintf(r.out, "#>>> %s\n\n", strings.Join(lines, " | "))
	fmt.Fprint(r.conn, strings.Join(lines, "\r\n")+"\r\n\r\n")
	time.Sleep(300 * time.Millisecond)
}

// few writes down what an account with the class system alone is answered.
func (r *recorder) few(actions ...string) {
	conn, err := r.node.Connect("127.0.0.1:5038")
	if err != nil {
		fmt.Fprintln(r.out, "# few:", err)
		return
	}
	defer conn.Close()
	fmt.Fprint(conn, "Action: Login\r\nUsername: few\r\nSecret: few\r\nEvents: off\r\n\r\n")
	for _, a := range actions {
		fmt.Fprintf(conn, "Action: %s\r\nActionID: 8\r\n\r\n", a)
	}
	fmt.Fprint(conn, "Action: Logoff\r\n\r\n")
	for sc := bufio.NewScanner(conn); sc.Scan(); {
		fmt.Fprintln(r.out, "# few: "+sc.Text())
	}
}

// keepBlock leaves out what channels do.
func keepBlock(block string) bool {
	for _, s := range []string{"Event: Newchannel", "Event: VarSet", "Event: Newexten", "Event: Local", "Event: Bridge", "Event: Hangup", "Event: Newstate",
		"Event: SoftHangup", "Event: DeviceState", "Event: RTCP", "Event: Music", "Event: DialBegin", "Event: DialEnd", "Event: Originate", "Event: NewConnectedLine",
		"Event: NewCallerid", "Event: QueueCaller", "Event: Agent", "Event: ExtensionStatus", "Event: ChannelTalking"} {
		if strings.Contains(block, s) {
			return false
		}
	}
	return true
}
