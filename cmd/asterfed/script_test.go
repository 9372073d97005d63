package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami/amitest"
	"github.com/asterfed/asterfed/zone/tsig"
	"github.com/miekg/dns"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"asterfed": main})
}

// Every script drives the real command; simulated Asterisks and DNS questions
// are commands of the script.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: ownAddresses(t, "testdata"),
		Setup: func(e *testscript.Env) error {
			e.Setenv("TZ", "UTC")
			if err := closeSecrets(e.WorkDir); err != nil {
				return err
			}
			e.Setenv("GOSSIP_KEY", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"pbx": pbx, "until": until, "ask": ask, "ask-udp": askUDP, "http": httpGet, "moment": moment, "listen": listen, "subst": subst,
		},
	})
}

// closeSecrets gives the files with secrets the mode that asterfed insists on.
func closeSecrets(dir string) error {
	for _, pattern := range []string{"*.key", "*.secret", "*.private"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return err
		}
		for _, f := range files {
			if err := os.Chmod(f, 0o600); err != nil {
				return err
			}
		}
	}
	return nil
}

// ownAddresses copies the scripts, with the loopback addresses 127.0.0.10 and
// above in a network of this process: two test runs on one machine do not meet.
func ownAddresses(t *testing.T, dir string) string {
	files, err := filepath.Glob(dir + "/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	to, pid := t.TempDir(), os.Getpid()
	own := fmt.Sprintf("127.%d.%d.$1", 1+pid>>8%250, pid%256)
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, filepath.Base(f)), loopback.ReplaceAll(text, []byte(own)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

var loopback = regexp.MustCompile(`127\.0\.0\.([1-9][0-9]{1,2})\b`)

// until COMMAND ARG... -- PATTERN... runs a command until what it prints matches
// every pattern, whatever it ends with: what is live may change meanwhile.
func until(ts *testscript.TestScript, _ bool, args []string) {
	at := slices.Index(args, "--")
	if at < 1 {
		ts.Fatalf("until: want COMMAND -- PATTERN...")
	}
	var missing string
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		_ = ts.Exec(args[0], args[1:at]...)
		out := ts.ReadFile("stdout") + ts.ReadFile("stderr")
		i := slices.IndexFunc(args[at+1:], func(p string) bool { return !regexp.MustCompile("(?m)" + p).MatchString(out) })
		if i < 0 {
			return
		}
		missing = args[at+1+i] + "\n" + out
	}
	ts.Fatalf("%s does not print %s", strings.Join(args[:at], " "), missing)
}

// subst FILE... replaces $WORK in files, since Corefiles name absolute paths.
func subst(ts *testscript.TestScript, _ bool, args []string) {
	for _, f := range args {
		text := strings.ReplaceAll(ts.ReadFile(f), "$WORK", ts.Getenv("WORK"))
		ts.Check(os.WriteFile(ts.MkAbs(f), []byte(text), 0o600))
	}
}

// moment NAME sets $NAME to the second that begins next, and $NAME_clock to what a
// clock shows then, and waits for its end.
func moment(ts *testscript.TestScript, _ bool, args []string) {
	t := time.Now().Truncate(time.Second).Add(time.Second)
	<-time.After(time.Until(t.Add(time.Second)))
	ts.Setenv(args[0], t.UTC().Format(time.RFC3339))
	ts.Setenv(args[0]+"_clock", t.UTC().Format(time.TimeOnly))
}

// listen ADDR occupies a UDP and TCP port.
func listen(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", args[0])
	ts.Check(err)
	p, err := net.ListenPacket("udp", args[0])
	ts.Check(err)
	ts.Defer(func() { l.Close(); p.Close() })
}

// pbxs are the simulated Asterisks of all scripts, which run side by side.
var pbxs sync.Map // AMI address → *amitest.Server

// pbx start|register|unregister|kill|revive|mute|channels|many|trunk AMI-ADDR [AOR URI] plays an
// Asterisk; start takes the address that answers SIP OPTIONS as well.
func pbx(ts *testscript.TestScript, _ bool, args []string) {
	addr := args[1]
	at, _ := pbxs.Load(addr)
	s, _ := at.(*amitest.Server)
	switch args[0] {
	case "start":
		s, err := amitest.New(amitest.Config{Addr: addr, SIPAddr: args[2], User: "asterfed", Secret: "s3cret"})
		ts.Check(err)
		pbxs.Store(addr, s)
		ts.Defer(func() {
			s.Close()
			for _, err := range s.Errors() {
				ts.Logf("pbx: %v", err)
			}
			if len(s.Errors()) > 0 {
				ts.Fatalf("the AMI source did what it must not")
			}
		})
	case "register":
		s.Register(args[2], args[3], time.Hour)
	case "unregister":
		s.Unregister(args[2], args[3])
	case "kill":
		s.Kill()
	case "mute":
		s.Mute(true)
	case "channels":
		var list [][3]string
		for i := 2; i+2 < len(args); i += 3 {
			list = append(list, [3]string(args[i:]))
		}
		s.SetChannels(list...)
	case "many":
		n, err := strconv.Atoi(args[2])
		ts.Check(err)
		list := make([][3]string, n)
		for i := range list {
			list[i] = [3]string{fmt.Sprintf("PJSIP/many-%08d", i), "1002", "s"}
		}
		s.SetChannels(list...)
	case "trunk":
		s.SetTrunk(args[2], "sip:192.0.2.9:5060", args[3])
	case "revive":
		ts.Check(s.Start())
	default:
		ts.Fatalf("pbx: unknown %q", args[0])
	}
}

// ask SERVER NAME TYPE WANT... [key FILE] asks until the answer is WANT: an
// rcode, or parts that the answer's text holds in this order.
func ask(ts *testscript.TestScript, _ bool, args []string) {
	var key *tsig.Key
	if n := len(args); n > 2 && args[n-2] == "key" {
		k, err := tsig.ReadKey(ts.MkAbs(args[n-1]))
		ts.Check(err)
		key, args = k, args[:n-2]
	}
	server, qname, qtype, want := args[0], dns.Fqdn(args[1]), dns.StringToType[args[2]], args[3:]
	var got string
	deadline := time.Now().Add(15 * time.Second)
	for time.Now().Before(deadline) {
		r, err := signedExchange(server, qname, qtype, key)
		got = fmt.Sprint(err)
		if err == nil {
			got = dns.RcodeToString[r.Rcode]
			for _, rr := range r.Answer {
				got += "\n" + strings.Join(strings.Fields(rr.String()), " ")
			}
			if r.IsTsig() != nil { // dns.Client has verified it
				got += "\nsigned"
			}
		}
		if holds(got, want) {
			ts.Logf("%s", got)
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	ts.Fatalf("%s %s at %s: got %s\nwant %q", qname, args[2], server, got, want)
}

// ask-udp SERVER NAME TYPE SIZE WANT... asks once over UDP; SIZE is the EDNS
// size, 0 for none. WANT are parts of the answer as dig prints it.
func askUDP(ts *testscript.TestScript, _ bool, args []string) {
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(args[1]), dns.StringToType[args[2]])
	size, err := strconv.ParseUint(args[3], 10, 16)
	ts.Check(err)
	if size > 0 {
		m.SetEdns0(uint16(size), false)
	}
	c := &dns.Client{Timeout: 5 * time.Second, UDPSize: 4096}
	r, _, err := c.Exchange(m, args[0])
	ts.Check(err)
	if got := fmt.Sprintf("len %d\n%v", r.Len(), r); !holds(got, args[4:]) {
		ts.Fatalf("got %s\nwant %q", got, args[4:])
	}
}

// http URL WANT... gets the page until it holds WANT.
func httpGet(ts *testscript.TestScript, _ bool, args []string) {
	var got string
	deadline := time.Now().Add(10 * time.Second)
	for ; time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		r, err := http.Get(args[0])
		if err != nil {
			got = err.Error()
			continue
		}
		body, _ := io.ReadAll(r.Body)
		r.Body.Close()
		got = r.Status + "\n" + string(body)
		if holds(got, args[1:]) {
			return
		}
	}
	ts.Fatalf("%s: got %s\nwant %q", args[0], got, args[1:])
}

func holds(got string, want []string) bool {
	for _, w := range want {
		i := strings.Index(got, w)
		if i < 0 {
			return false
		}
		got = got[i+len(w):]
	}
	return true
}

func signedExchange(server, qname string, qtype uint16, key *tsig.Key) (*dns.Msg, error) {
	c := &dns.Client{Net: "tcp", Timeout: 2 * time.Second}
	m := new(dns.Msg)
	m.SetQuestion(qname, qtype)
	if key != nil {
		c.TsigSecret = map[string]string{key.Name: key.Secret}
		m.SetTsig(key.Name, key.Algorithm, 300, time.Now().Unix())
	}
	r, _, err := c.Exchange(m, server)
	if r != nil && errors.Is(err, dns.ErrAuth) {
		err = nil
	}
	return r, err
}
