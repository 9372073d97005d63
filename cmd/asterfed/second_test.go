package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/tsig"
	"github.com/miekg/dns"
)

var secondStarts = flag.Int("second-starts", 24, "how many more asterfed TestSecondStart starts on a data directory in use")

// A start on a data directory that is in use fails, names the process that uses
// it, and changes nothing, whatever it differs in: what the running node has
// acknowledged meanwhile is there after it was killed.
func TestSecondStartLosesNothing(t *testing.T) {
	pid := os.Getpid()
	ip := fmt.Sprintf("127.%d.%d.91", 1+pid>>8%250, pid%256)
	dir := t.TempDir()
	files := map[string]string{
		"gossip.key": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n",
		"update.key": "key \"update\" { algorithm hmac-sha256; secret \"c2VjcmV0c2VjcmV0c2VjcmV0\"; };\n",
	}
	corefile := func(zone, node, dnsPort, gossip, rpc string) string {
		return strings.NewReplacer("ZONE", zone, "NODE", node, "PORT", dnsPort, "GOSSIP", gossip, "RPC", rpc, "IP", ip, "DIR", dir).Replace(`ZONE:PORT {
    federation {
        node NODE
        sip udp:5060
        gossip IP:GOSSIP key DIR/gossip.key
        rpc IP:RPC
        update key DIR/update.key
        history 1h 1MB
        data DIR/data
    }
    bind IP
}
`)
	}
	free := strings.NewReplacer("/data", "/free").Replace(corefile("free.example", "pbx-a", "5394", "7994", "7394"))
	files["first"] = corefile("fed.example", "pbx-a", "5391", "7991", "7391")
	second := []string{"first", "other-node", "other-zone", "other-port", "other-all", "second-block"}
	files["other-node"] = corefile("fed.example", "pbx-b", "5391", "7991", "7391")
	files["other-zone"] = corefile("other.example", "pbx-a", "5391", "7991", "7391")
	files["other-port"] = corefile("fed.example", "pbx-a", "5392", "7991", "7391")
	files["other-all"] = corefile("other.example", "pbx-z", "5393", "7993", "7393")
	files["second-block"] = free + files["other-all"]
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	key, err := tsig.ReadKey(filepath.Join(dir, "update.key"))
	if err != nil {
		t.Fatal(err)
	}
	server := ip + ":5391"
	first := startAsterfed(t, filepath.Join(dir, "first"))
	until := func(name string) error {
		m := new(dns.Msg).SetQuestion(name+".users.fed.example.", dns.TypeNAPTR)
		var last error
		for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); <-time.After(10 * time.Millisecond) {
			r, err := dns.Exchange(m, server)
			switch {
			case err != nil:
				last = err
			case r.Rcode == dns.RcodeServerFailure:
				last = fmt.Errorf("%s", dns.RcodeToString[r.Rcode])
			case len(r.Answer) == 0:
				return fmt.Errorf("%s", dns.RcodeToString[r.Rcode])
			default:
				return nil
			}
		}
		return last
	}
	publish := func(name string) error {
		m := new(dns.Msg).SetUpdate("pbx-a.homes.fed.example.")
		m.Insert([]dns.RR{&dns.TXT{Hdr: dns.RR_Header{Name: name + ".users.pbx-a.homes.fed.example.", Rrtype: dns.TypeTXT, Class: dns.ClassINET}, Txt: []string{"k=user"}}})
		m.SetTsig(key.Name, key.Algorithm, 300, time.Now().Unix())
		c := dns.Client{Net: "tcp", TsigSecret: map[string]string{key.Name: key.Secret}}
		r, _, err := c.Exchange(m, server)
		if err == nil && r.Rcode != dns.RcodeSuccess {
			err = fmt.Errorf("%s", dns.RcodeToString[r.Rcode])
		}
		return err
	}
	for err, deadline := publish("start"), time.Now().Add(20*time.Second); err != nil; err = publish("start") {
		if time.Now().After(deadline) {
			t.Fatalf("first node does not take an update: %v\n%s", err, first.log())
		}
		<-time.After(20 * time.Millisecond)
	}

	acknowledged := []string{"start"}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
			if name := fmt.Sprintf("u%d", i); publish(name) == nil {
				acknowledged = append(acknowledged, name)
			}
		}
	}()
	want := fmt.Sprintf("another asterfed (pid %d) uses %s/data", first.cmd.Process.Pid, dir)
	for i := range *secondStarts {
		name := second[i%len(second)]
		c := exec.Command("asterfed", "serve", "--conf", filepath.Join(dir, name))
		out := new(bytes.Buffer)
		c.Stdout, c.Stderr = out, out
		timer := time.AfterFunc(20*time.Second, func() { c.Process.Kill() })
		err := c.Run()
		if stopped := timer.Stop(); err == nil || !stopped || !strings.Contains(out.String(), want) {
			t.Errorf("%s: %v, want %q, got\n%s", name, err, want, out)
		}
	}
	close(stop)
	<-stopped
	if _, err := os.Stat(filepath.Join(dir, "free", "home.journal")); err == nil {
		t.Error("the free directory of a Corefile whose other one is in use was written to")
	}
	first.cmd.Process.Kill()
	first.cmd.Wait()
	again := startAsterfed(t, filepath.Join(dir, "first"))
	lost := 0
	for _, name := range acknowledged {
		if err := until(name); err != nil {
			if lost++; lost < 5 {
				t.Errorf("%s was acknowledged: %v", name, err)
			}
		}
	}
	if lost > 0 || t.Failed() {
		t.Errorf("%d of %d lost\n%s", lost, len(acknowledged), again.log())
	}
	if len(acknowledged) < *secondStarts/4 {
		t.Errorf("only %d updates were acknowledged", len(acknowledged))
	}
}

// asterfed is a server that runs.
type asterfed struct {
	cmd *exec.Cmd
	mu  sync.Mutex
	out bytes.Buffer
}

func (a *asterfed) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.out.Write(p)
}

func (a *asterfed) log() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.out.String()
}

// startAsterfed runs the server until the test ends.
func startAsterfed(t *testing.T, conf string) *asterfed {
	t.Helper()
	a := &asterfed{cmd: exec.Command("asterfed", "serve", "--conf", conf)}
	a.cmd.Stdout, a.cmd.Stderr = a, a
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.cmd.Process.Kill(); a.cmd.Wait() })
	return a
}
