package conformance

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/primary"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/miekg/dns"
)

const (
	origin = "fed.example."
	port   = "5461"
)

// server is the node that is asked, signing the one that signs its answers.
const (
	server  = "127.0.0.61:" + port
	signing = "127.0.0.62:" + port
)

// command is the program under test, built by run.
var command string

// extra are lines of the Corefiles that only some nodes have.
var extra = map[string]string{}

// line is a binding as a person would say it: kind, name, details.
type line struct {
	kind    location.Kind
	name    string
	stamp   location.Stamp
	details location.Details
}

// federation is who is bound where. pbx-c is killed before the first question.
var federation = map[string][]line{
	"pbx-a": {
		{location.PJSIP, "1001", 200, location.Details{}},
		{location.PJSIP, "alice.smith", 200, location.Details{}},
		{location.PJSIP, "+97231234567", 200, location.Details{}},
		{location.User, "queue", 200, location.Details{Name: "The Queue"}},
		{location.Number, "97231231001", 200, location.Details{Target: "1001", Name: "Alice \"A\" Å"}},
		{location.Prefix, "9724", 200, location.Details{}},
		{location.Number, "97241110", 200, location.Details{Target: "exact"}},
		{location.Range, "97239990105", 200, location.Details{To: "97239990149", Target: "range"}},
		{location.Number, "97239990120", 200, location.Details{Target: "exact"}},
		{location.Wildcard, "9725", 200, location.Details{Target: "wild"}},
		{location.Number, "97255", 200, location.Details{Target: "exact"}},
		{location.Trunk, "berlin", 200, location.Details{}},
		{location.Provider, "acme", 200, location.Details{}},
		{location.Service, "500", 200, location.Details{Name: "Board"}},
	},
	"pbx-b": {
		{location.PJSIP, "1001", 100, location.Details{}},
		{location.PJSIP, "Bob", 200, location.Details{}},
		{location.Trunk, "berlin", 200, location.Details{Cost: 5}},
	},
	"pbx-c": {
		{location.PJSIP, "3003", 200, location.Details{}},
		{location.Number, "97280001", 200, location.Details{Target: "3003"}},
	},
}

// crowds are numbers with so many targets that size matters.
var crowds = map[string]int{"5550010": 10, "5550080": 80}

func (l line) binding() (location.Binding, error) {
	if l.kind.Registered() {
		c := location.Contact{AOR: location.AOR(l.name), Kind: l.kind, URI: "sip:" + l.name + "@192.0.2.7"}
		return location.Binding{AOR: c.AOR, Kind: l.kind, Contact: c.ID(), Stamp: l.stamp}, nil
	}
	b, err := location.Publish(l.kind, l.name, l.details)
	b.Stamp = l.stamp
	return b, err
}

// keep writes the home zone of a node into its data directory.
func keep(dir, node string, lines []line) error {
	j, _, err := primary.OpenJournal(dir, node, origin)
	if err != nil {
		return err
	}
	var d record.Delta
	for _, l := range lines {
		b, err := l.binding()
		if err != nil {
			return err
		}
		d.Changes = append(d.Changes, location.Change{New: b})
	}
	d.To = 2
	if err := j.Append(d); err != nil {
		return err
	}
	return j.Close()
}

// run starts the nodes, waits until the first one knows them all, ends
// pbx-c, waits until it is hidden, and runs the tests.
func run(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "conformance")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	command = filepath.Join(dir, "asterfed")
	if out, err := exec.Command("go", "build", "-o", command, "../../cmd/asterfed").CombinedOutput(); err != nil {
		return 1, fmt.Errorf("go build: %w\n%s", err, out)
	}
	for n, count := range crowds {
		for i := range count {
			federation["pbx-a"] = append(federation["pbx-a"], line{location.Number, n, 1,
				location.Details{Target: location.AOR(fmt.Sprintf("someone-%02d", i)), Cost: uint16(i)}})
		}
	}
	if err := secure(dir); err != nil {
		return 1, err
	}
	running := map[string]*exec.Cmd{}
	defer func() {
		for _, c := range running {
			c.Process.Kill()
			c.Wait()
		}
	}()
	for i, node := range []string{"pbx-a", "pbx-b", "pbx-c"} {
		c, err := start(dir, node, netip.AddrFrom4([4]byte{127, 0, 0, byte(61 + i)}))
		if err != nil {
			return 1, err
		}
		running[node] = c
	}
	if err := await("3003.users."+origin, dns.RcodeSuccess); err != nil {
		return 1, err
	}
	if err := await("bob.users."+origin, dns.RcodeSuccess); err != nil {
		return 1, err
	}
	running["pbx-c"].Process.Kill()
	if err := await("3003.users."+origin, dns.RcodeNameError); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

func start(dir, node string, addr netip.Addr) (*exec.Cmd, error) {
	data := filepath.Join(dir, node)
	if err := keep(data, node, federation[node]); err != nil {
		return nil, err
	}
	key := filepath.Join(dir, "gossip.key")
	if err := os.WriteFile(key, []byte("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="), 0o600); err != nil {
		return nil, err
	}
	corefile := filepath.Join(dir, node+".conf")
	text := fmt.Sprintf("fed.example:%s {\n  bind %s\n  federation {\n    node %s\n    gossip %s:7946 key %s\n"+
		"    rpc off\n    join 127.0.0.61\n    sip udp:5060 tcp:5060\n    iax 4569\n    data %s\n    profile local\n"+
		"    delegate +97246 ns.6.4.2.7.9.e164.fed.example 127.0.0.66\n%s  }\n}\n",
		port, addr, node, addr, key, data, extra[node])
	if err := os.WriteFile(corefile, []byte(text), 0o600); err != nil {
		return nil, err
	}
	c := exec.Command(command, "serve", "--conf", corefile)
	c.Stderr = new(bytes.Buffer)
	return c, c.Start()
}

// await asks until the answer has the rcode.
func await(qname string, rcode int) error {
	last := "no answer"
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		m := new(dns.Msg)
		m.SetQuestion(qname, dns.TypeNAPTR)
		r, err := dns.Exchange(m, server)
		if err == nil && r.Rcode == rcode {
			return nil
		}
		if err == nil {
			last = dns.RcodeToString[r.Rcode]
		}
	}
	return fmt.Errorf("%s is %s, want %s", qname, last, dns.RcodeToString[rcode])
}

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}
