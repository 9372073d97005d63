package publish

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/asterfed/asterfed/plugin/federation" // go test caches by what is imported, and the binary is not
	"github.com/asterfed/asterfed/zone/peer"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/tsig"
	"github.com/miekg/dns"
)

const (
	origin = "fed.example."
	apex   = "pbx-a.homes." + origin
)

// Keys of the tests, in BIND's syntax, by file.
var keys = map[string]string{
	"gossip.key":   "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
	"transfer.key": `key "transfer" { algorithm hmac-sha256; secret "dHJhbnNmZXJ0cmFuc2Zlcg=="; };`,
	"update.key":   `key "update" { algorithm hmac-sha256; secret "dXBkYXRldXBkYXRl"; };`,
	"wrong.key":    `key "update" { algorithm hmac-sha256; secret "d3Jvbmd3cm9uZw=="; };`,
	"unknown.key":  `key "unknown" { algorithm hmac-sha256; secret "dW5rbm93bg=="; };`,
	"few.key":      `key "few" { algorithm hmac-sha256; secret "ZmV3ZmV3ZmV3"; };`,
}

// asterfed is the command as it is now.
var asterfed string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "publish")
	if err != nil {
		panic(err)
	}
	asterfed = filepath.Join(dir, "asterfed")
	code := 1
	if out, err := exec.Command("go", "build", "-o", asterfed, "../../cmd/asterfed").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
	} else {
		code = m.Run()
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

// lab is a folder with the keys.
type lab struct {
	dir string
	key map[string]*tsig.Key // by file without ".key"
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{t.TempDir(), map[string]*tsig.Key{}}
	for file, text := range keys {
		if err := os.WriteFile(filepath.Join(l.dir, file), []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if k, err := tsig.ParseKey(text); err == nil {
			l.key[strings.TrimSuffix(file, ".key")] = k
		}
	}
	return l
}

// node is one asterfed process.
type node struct {
	*lab
	name, ip string
	log      *bytes.Buffer
	cmd      *exec.Cmd
}

// config returns the Corefile of a node: more stands within federation, beside
// stands next to it.
func (l *lab) config(name, ip, more, beside string) string {
	in := func(file string) string { return filepath.Join(l.dir, file) }
	return fmt.Sprintf("fed.example:5470 {\n bind %[2]s\n errors\n %[6]s\n federation {\n node %[1]s\n gossip %[2]s:7946 key %[3]s\n"+
		" rpc off\n sip udp:5060\n profile local\n transfer %[2]s:5470 key %[4]s\n data %[5]s\n"+
		" update key %[7]s\n update key %[8]s number prefix names 1* 972312340-972312349\n %[9]s\n }\n}\n",
		name, ip, in("gossip.key"), in("transfer.key"), in("data-"+name), beside, in("update.key"), in("few.key"), more)
}

// start starts a node and waits until it answers.
func (l *lab) start(t *testing.T, name, ip, more, beside string) *node {
	t.Helper()
	n := &node{lab: l, name: name, ip: ip, log: &bytes.Buffer{}}
	if err := os.WriteFile(filepath.Join(l.dir, name), []byte(l.config(name, ip, more, beside)), 0o600); err != nil {
		t.Fatal(err)
	}
	n.run(t)
	t.Cleanup(func() {
		n.kill()
		if t.Failed() {
			t.Logf("%s:\n%s", name, n.log)
		}
	})
	return n
}

// run starts the process, again after kill.
func (n *node) run(t *testing.T) {
	t.Helper()
	n.cmd = exec.Command(asterfed, "serve", "--conf", filepath.Join(n.dir, n.name))
	n.cmd.Stdout, n.cmd.Stderr = n.log, n.log
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, func() error {
		_, err := n.query("nobody.users."+origin, dns.TypeNAPTR)
		return err
	})
}

func (n *node) kill() {
	n.cmd.Process.Kill()
	n.cmd.Wait()
}

func (n *node) addr() string { return net.JoinHostPort(n.ip, "5470") }

// query asks once, and returns rcode and text of the answer.
func (n *node) query(name string, qtype uint16) (string, error) {
	r, err := dns.Exchange(new(dns.Msg).SetQuestion(name, qtype), n.addr())
	if err != nil {
		return "", err
	}
	if r.Rcode == dns.RcodeServerFailure {
		return "", fmt.Errorf("%s: SERVFAIL", name)
	}
	out := []string{dns.RcodeToString[r.Rcode]}
	for _, rr := range r.Answer {
		out = append(out, rr.String())
	}
	return strings.Join(out, "\n"), nil
}

// await tries until there is no error.
func await(t *testing.T, try func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if err = try(); err == nil {
			return
		}
	}
	t.Fatal(err)
}

// zone returns serial and records of the node's home zone.
func (n *node) zone(t *testing.T) string {
	t.Helper()
	tr, err := peer.Fetch(t.Context(), n.addr(), record.HomeZone(n.name, origin), origin, n.key["transfer"])
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, b := range tr.Bindings {
		out = append(out, record.TXT(b, record.HomeZone(n.name, origin), 5).String())
	}
	slices.Sort(out)
	return fmt.Sprintf("serial %d\n%s", tr.Version.Serial, strings.Join(out, "\n"))
}
