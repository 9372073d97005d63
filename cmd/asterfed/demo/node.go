package demo

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/asterfed/asterfed/cmd/asterfed/command"
	"github.com/asterfed/asterfed/plugin/federation/ami/amitest"
	"github.com/miekg/dns"
)

// demoNode is one node: a simulated Asterisk here, asterfed in a process of
// its own.
type demoNode struct {
	name, ip, conf string
	pbx            *amitest.Server
	logs           io.Writer
	cmd            *exec.Cmd
	done           chan error
}

const demoCorefile = `fed.example:%[3]d {
    federation {
        node      %[1]s
        address   %[2]s
        sip       udp:%[4]d
        iax       4569
        gossip    %[2]s:%[5]d key %[8]s/gossip.key
        rpc       %[2]s:%[6]d
        join      127.0.0.11:%[5]d
        asterisk  %[2]s:%[7]d user asterfed secret %[8]s/ami.secret
        data      %[8]s/%[1]s
    }
    bind %[2]s
    errors
}
`

func newDemoNode(dir, name, ip string, logs io.Writer) (*demoNode, error) {
	n := &demoNode{name: name, ip: ip, conf: filepath.Join(dir, name+".corefile"), logs: logs}
	gossip := filepath.Join(dir, "gossip.key")
	if _, err := os.Stat(gossip); err != nil {
		key := make([]byte, 32)
		rand.Read(key)
		if err := os.WriteFile(gossip, []byte(base64.StdEncoding.EncodeToString(key)+"\n"), 0o600); err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(dir, "ami.secret"), []byte("demo\n"), 0o600); err != nil {
			return nil, err
		}
	}
	text := fmt.Sprintf(demoCorefile, name, ip, demoPort, demoSIP, demoGossip, demoRPC, demoAMI, dir)
	if err := os.WriteFile(n.conf, []byte(text), 0o600); err != nil {
		return nil, err
	}
	var err error
	n.pbx, err = amitest.New(amitest.Config{Addr: net.JoinHostPort(ip, strconv.Itoa(demoAMI)), User: "asterfed", Secret: "demo",
		SIPAddr: net.JoinHostPort(ip, strconv.Itoa(demoSIP)), SystemName: name})
	if err != nil {
		return nil, fmt.Errorf("start the simulated Asterisk of %s: %w", name, err)
	}
	for _, u := range demoUsers { // every server knows every user: place does not matter
		n.pbx.Provision(u)
	}
	return n, n.start()
}

func (n *demoNode) server() string { return net.JoinHostPort(n.ip, strconv.Itoa(demoPort)) }

// start runs asterfed. It dies with this process, however that ends.
func (n *demoNode) start() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	n.cmd = exec.Command(self, "serve", "--conf", n.conf)
	n.cmd.Stdout, n.cmd.Stderr = n.logs, n.logs
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := n.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", n.name, err)
	}
	n.done = make(chan error, 1)
	go func(cmd *exec.Cmd, done chan error) { done <- cmd.Wait() }(n.cmd, n.done)
	return nil
}

// ready waits until the node answers for its zone.
func (n *demoNode) ready(ctx context.Context) error {
	deadline := time.Now().Add(15 * time.Second)
	for time.Now().Before(deadline) {
		if r, err := command.Exchange(n.server(), "nobody.users."+demoZone, dns.TypeNAPTR); err == nil && r.Rcode == dns.RcodeNameError {
			return nil
		}
		select {
		case err := <-n.done:
			return fmt.Errorf("%s ended (%v): are ports %d, %d, %d and %d of %s free? --logs shows why",
				n.name, err, demoPort, demoGossip, demoRPC, demoAMI, n.ip)
		case <-ctx.Done():
			return nil
		case <-time.After(20 * time.Millisecond):
		}
	}
	return fmt.Errorf("%s does not answer", n.name)
}

// kill ends Asterisk and asterfed as a power cut does.
func (n *demoNode) kill() {
	n.pbx.Kill()
	n.cmd.Process.Kill()
	<-n.done
}

// revive starts both again.
func (n *demoNode) revive(ctx context.Context) error {
	if err := n.pbx.Start(); err != nil {
		return err
	}
	if err := n.start(); err != nil {
		return err
	}
	return n.ready(ctx)
}

func (n *demoNode) stop() {
	if n.cmd != nil && n.cmd.ProcessState == nil {
		n.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-n.done:
		case <-time.After(5 * time.Second):
			n.cmd.Process.Kill()
		}
	}
	n.pbx.Close()
}

// home asks the node where a user lives: the best record's node, "" if the
// user is registered nowhere.
func (n *demoNode) home(user string) (string, error) {
	r, err := command.Exchange(n.server(), user+".users."+demoZone, dns.TypeNAPTR)
	if err != nil {
		return "", err
	}
	if r.Rcode == dns.RcodeNameError {
		return "", nil
	}
	for _, rr := range r.Answer {
		if p, ok := rr.(*dns.NAPTR); ok {
			return nodeOf(p.Regexp), nil
		}
	}
	return "", errors.New(dns.RcodeToString[r.Rcode])
}
