package chaos

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami/amitest"
	"github.com/asterfed/asterfed/test/chaos/clock"
	"golang.org/x/sys/unix"
)

const (
	origin    = "fed.example."
	keyName   = "transfer.fed.example."
	dataSize  = "8m" // of the file system that holds a node's data
	fillName  = "filler"
	amiAddr   = "127.0.0.1:5038"
	amiUser   = "asterfed"
	amiSecret = "laboratory"
)

// node is one server: a simulated Asterisk here, asterfed in a process of its
// own, both in one namespace.
type node struct {
	id   int
	name string
	dir  string
	bin  string
	ns   *namespace
	pbx  *amitest.Server
	log  *nodeLog
	off  atomic.Int64 // how far the host's clock is set, nanoseconds

	cmd  *exec.Cmd
	done chan struct{} // closed when cmd has ended
}

// clock is the wall clock of the node's host.
func (n *node) clock() time.Time { return time.Now().Add(time.Duration(n.off.Load())) }

func nodeName(id int) string { return fmt.Sprintf("pbx-%d", id+1) }
func address(id int) string  { return fmt.Sprintf("10.89.0.%d", id+1) }

const corefile = `fed.example {
    federation {
        node      %[1]s
        address   %[2]s
        sip       udp:5060
        gossip    %[2]s:7946 key %[3]s/gossip.key
        join      10.89.0.1 10.89.0.2 10.89.0.3
        transfer  %[2]s:53 key %[3]s/transfer.key
        asterisk  127.0.0.1:5038 user asterfed secret %[3]s/ami.secret
        data      %[4]s
        profile   lan
    }
    errors
}
`

// prepare makes the node's folders and starts its Asterisk.
func (n *node) prepare(secrets string) error {
	data := filepath.Join(n.dir, "data")
	if err := os.MkdirAll(data, 0o755); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	if err := unix.Mount("tmpfs", data, "tmpfs", 0, "size="+dataSize); err != nil {
		return fmt.Errorf("mount data of %s: %w", n.name, err)
	}
	text := fmt.Sprintf(corefile, n.name, address(n.id), secrets, data)
	if err := os.WriteFile(filepath.Join(n.dir, "Corefile"), []byte(text), 0o600); err != nil {
		return fmt.Errorf("write Corefile: %w", err)
	}
	return n.ns.do(func() (err error) {
		n.pbx, err = amitest.New(amitest.Config{Addr: amiAddr, SIPAddr: address(n.id) + ":5060", User: amiUser,
			Secret: amiSecret, SystemName: n.name, Now: n.clock, CheckInterval: 24 * time.Hour}) // the users' side expires contacts
		return err
	})
}

// startFederator runs asterfed. It dies with this process, however that ends.
func (n *node) startFederator() error {
	cmd := exec.Command(n.bin, "serve", "--conf", filepath.Join(n.dir, "Corefile"))
	cmd.Stdout, cmd.Stderr = n.log, n.log
	cmd.Env = append(os.Environ(), clock.Env+"="+n.clockFile())
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := n.ns.do(cmd.Start); err != nil {
		return fmt.Errorf("start asterfed of %s: %w", n.name, err)
	}
	n.cmd, n.done = cmd, make(chan struct{})
	go func(done chan struct{}) { _ = cmd.Wait(); close(done) }(n.done)
	return nil
}

// startLimit is how long a node may take to answer at first.
const startLimit = 20 * time.Second

// ready waits until DNS is served.
func (n *node) ready(limit time.Duration) error {
	for deadline := time.Now().Add(limit); ; time.Sleep(50 * time.Millisecond) {
		err := n.ns.do(func() error {
			c, err := net.DialTimeout("tcp", "127.0.0.1:53", time.Second)
			if err == nil {
				c.Close()
			}
			return err
		})
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("await %s: %w; it said last: %s", n.name, err, n.log.lastLine())
		}
	}
}

// killFederator is kill -9.
func (n *node) killFederator() {
	if n.cmd != nil {
		_ = n.cmd.Process.Kill()
		<-n.done
	}
}

// ended reports whether asterfed has ended by itself.
func (n *node) ended() bool {
	select {
	case <-n.done:
		return true
	default:
		return false
	}
}

func (n *node) signal(s syscall.Signal) error {
	if err := n.cmd.Process.Signal(s); err != nil {
		return fmt.Errorf("send %v to %s: %w", s, n.name, err)
	}
	return nil
}

// hang makes Asterisk silent without ending it, on AMI and on SIP.
func (n *node) hang(on bool) error {
	rules := "table inet chaos\ndelete table inet chaos\n"
	if on {
		rules = "table inet chaos {\n chain input {\n  type filter hook input priority 0;\n  udp dport 5060 drop\n }\n}\n"
	}
	n.pbx.Mute(on)
	return n.ns.do(func() error { return run(rules, "nft", "-f", "-") })
}

// fillDisk leaves no octet free where the node keeps its data.
func (n *node) fillDisk() error {
	f, err := os.Create(filepath.Join(n.dir, "data", fillName))
	if err != nil {
		return fmt.Errorf("fill disk: %w", err)
	}
	defer f.Close()
	for chunk := make([]byte, 64<<10); len(chunk) > 0; {
		if _, err := f.Write(chunk); errors.Is(err, unix.ENOSPC) {
			chunk = chunk[:len(chunk)/2]
		} else if err != nil {
			return fmt.Errorf("fill disk: %w", err)
		}
	}
	return nil
}

func (n *node) freeDisk() error { return os.Remove(filepath.Join(n.dir, "data", fillName)) }

// loseData removes what asterfed has kept.
func (n *node) loseData() error {
	all, err := filepath.Glob(filepath.Join(n.dir, "data", "*"))
	for _, f := range all {
		err = errors.Join(err, os.RemoveAll(f))
	}
	return err
}

// corruptData overwrites the middle of each file that asterfed has kept.
func (n *node) corruptData() error {
	all, err := filepath.Glob(filepath.Join(n.dir, "data", "*"))
	for _, name := range all {
		b, e := os.ReadFile(name)
		if e != nil {
			continue // a folder
		}
		for i := len(b) / 3; i < len(b)/2; i++ {
			b[i] ^= 0x55
		}
		err = errors.Join(err, e, os.WriteFile(name, b, 0o600))
	}
	return err
}

func (n *node) close() {
	n.killFederator()
	if n.pbx != nil {
		n.pbx.Kill()
	}
	n.ns.close()
	_ = unix.Unmount(filepath.Join(n.dir, "data"), unix.MNT_DETACH)
}
