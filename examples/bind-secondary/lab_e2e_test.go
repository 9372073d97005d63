//go:build e2e

package bindsecondary

import (
	"context"
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
	"github.com/asterfed/asterfed/zone/tsig"
	"github.com/miekg/dns"
)

const (
	origin  = "fed.example."
	nodeA   = "127.0.0.93"
	nodeB   = "127.0.0.94"
	port    = "5480"
	metrics = nodeA + ":5482"
	bind    = "127.0.0.1:5481"
)

// asterfed is the command as it is now.
var asterfed string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "secondary")
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
	key map[string]*tsig.Key
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{t.TempDir(), map[string]*tsig.Key{}}
	for name, text := range map[string]string{
		"gossip":   "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
		"transfer": `key "transfer" { algorithm hmac-sha256; secret "dHJhbnNmZXJ0cmFuc2Zlcg=="; };`,
		"bind":     `key "bind" { algorithm hmac-sha256; secret "YmluZGJpbmRiaW5kYmluZA=="; };`,
		"update":   `key "update" { algorithm hmac-sha256; secret "dXBkYXRldXBkYXRl"; };`,
	} {
		if err := os.WriteFile(filepath.Join(l.dir, name+".key"), []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if k, err := tsig.ParseKey(text); err == nil {
			l.key[name] = k
		}
	}
	return l
}

// run begins a process that ends with the test. What it says is kept in a file.
func (l *lab) run(t *testing.T, log string, args ...string) *exec.Cmd {
	t.Helper()
	out, err := os.OpenFile(filepath.Join(l.dir, log), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	c := exec.Command(args[0], args[1:]...)
	c.Dir, c.Stdout, c.Stderr = l.dir, out, out
	if err := c.Start(); err != nil {
		t.Fatalf("start %s: %v (make install brings it)", args[0], err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
		if text := l.said(t, log); t.Failed() {
			t.Logf("%v, the end of it:\n%s", args, text[max(0, len(text)-5000):])
		}
	})
	return c
}

func (l *lab) said(t *testing.T, log string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(l.dir, log))
	if err != nil {
		t.Error(err)
	}
	return string(text)
}

// node begins a node and waits until it answers; more stands in its Corefile.
func (l *lab) node(t *testing.T, name, ip, more, beside string) *exec.Cmd {
	t.Helper()
	text := fmt.Sprintf("fed.example:%[1]s {\n bind %[2]s\n errors\n %[5]s\n federation {\n node %[3]s\n gossip %[2]s:7946 key gossip.key\n"+
		" rpc off\n sip udp:5060\n profile local\n join %[6]s\n transfer %[2]s:%[1]s key transfer.key\n data data-%[3]s\n"+
		" update key update.key\n %[4]s\n }\n}\n", port, ip, name, more, beside, nodeA)
	if err := os.WriteFile(filepath.Join(l.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := l.run(t, name+".log", asterfed, "serve", "--conf", name)
	await(t, func() error { _, err := ask(ip+":"+port, "nobody.users."+origin, dns.TypeNAPTR); return err })
	return c
}

// named begins BIND as the secondary of pbx-a. It says much in named.log.
func (l *lab) named(t *testing.T) {
	t.Helper()
	_, bindPort, _ := net.SplitHostPort(bind)
	text := fmt.Sprintf("include \"bind.key\";\noptions { directory \".\"; pid-file none; session-keyfile none; listen-on port %s { 127.0.0.1; };\n"+
		" listen-on-v6 { none; }; recursion no; minimal-responses yes; };\ncontrols { };\n"+
		"zone \"fed.example\" { type secondary; file \"copy\"; primaries { %s port %s key bind; }; };\n", bindPort, nodeA, port)
	if err := os.WriteFile(filepath.Join(l.dir, "named.conf"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	l.run(t, "named.log", "named", "-g", "-d", "3", "-n", "1", "-c", "named.conf")
	await(t, func() error { _, err := ask(bind, "users."+origin, dns.TypeTXT); return err })
}

// ask returns rcode and answer, as a set.
func ask(server, qname string, qtype uint16) (string, error) {
	m := new(dns.Msg).SetQuestion(qname, qtype)
	m.RecursionDesired = false
	r, err := dns.Exchange(m, server)
	if err == nil && r.Truncated {
		r, _, err = (&dns.Client{Net: "tcp"}).Exchange(m, server)
	}
	if err != nil {
		return "", err
	}
	if r.Rcode == dns.RcodeServerFailure || r.Rcode == dns.RcodeRefused {
		return "", fmt.Errorf("%s: %s", qname, dns.RcodeToString[r.Rcode])
	}
	out := []string{dns.RcodeToString[r.Rcode]}
	for _, rr := range r.Answer {
		out = append(out, rr.String())
	}
	slices.Sort(out[1:])
	return strings.Join(out, "\n"), nil
}

// transfer returns the zone as a server holds it: its SOA, and all else sorted.
func (l *lab) transfer(server string) (*dns.SOA, []string, error) {
	k := l.key["bind"]
	m := new(dns.Msg).SetAxfr(origin)
	m.SetTsig(k.Name, k.Algorithm, 300, time.Now().Unix())
	in, err := (&dns.Transfer{TsigSecret: map[string]string{k.Name: k.Secret}}).In(m, server)
	if err != nil {
		return nil, nil, err
	}
	var soa *dns.SOA
	var out []string
	for e := range in {
		if e.Error != nil {
			return nil, nil, e.Error
		}
		for _, rr := range e.RR {
			if s, ok := rr.(*dns.SOA); ok {
				soa = s
				continue
			}
			out = append(out, rr.String())
		}
	}
	slices.Sort(out)
	return soa, out, nil
}

// update sends an UPDATE to the home zone of a node.
func (l *lab) update(ctx context.Context, ip, node string, gone, come []dns.RR) error {
	k := l.key["update"]
	m := new(dns.Msg).SetUpdate(node + ".homes." + origin)
	m.Remove(gone)
	m.Ns = append(m.Ns, come...)
	m.SetTsig(k.Name, k.Algorithm, 300, time.Now().Unix())
	c := &dns.Client{Net: "tcp", Timeout: 10 * time.Second, TsigSecret: map[string]string{k.Name: k.Secret}}
	r, _, err := c.ExchangeContext(ctx, m, ip+":"+port)
	if err == nil && r.Rcode != dns.RcodeSuccess {
		err = fmt.Errorf("update of %s: %s", node, dns.RcodeToString[r.Rcode])
	}
	return err
}

// await tries until there is no error.
func await(t *testing.T, try func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if err = try(); err == nil {
			return
		}
	}
	t.Fatal(err)
}
