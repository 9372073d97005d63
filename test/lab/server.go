package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// StartAsterisk starts the node's Asterisk and waits until it is fully booted.
func (n *Node) StartAsterisk() error {
	var err error
	if n.asterisk, n.gone, err = n.start("asterisk.log", "asterisk", "-f"); err != nil {
		return err
	}
	booted := Poll(60*time.Second, func() bool {
		select {
		case <-n.gone:
			return true
		default:
		}
		out, err := n.CLI("core waitfullybooted")
		return err == nil && strings.Contains(out, "fully booted")
	})
	select {
	case <-n.gone:
		return fmt.Errorf("start Asterisk on %s: it has ended: %s", n.Name, n.Log("asterisk"))
	default:
	}
	if !booted {
		return fmt.Errorf("start Asterisk on %s: not booted after a minute", n.Name)
	}
	return nil
}

// CLI runs one command of Asterisk's command line.
func (n *Node) CLI(command string) (string, error) {
	return run("chroot", n.Root, "asterisk", "-rx", command)
}

// StopAsterisk ends Asterisk as an operator does, with "core stop now".
func (n *Node) StopAsterisk() {
	if n.asterisk == nil {
		return
	}
	_, _ = n.CLI("core stop now")
	kill(n.asterisk, n.gone, 0)
	n.asterisk = nil
}

// KillAsterisk kills Asterisk with SIGKILL.
func (n *Node) KillAsterisk() { kill(n.asterisk, n.gone, unix.SIGKILL); n.asterisk = nil }

// StartFederator starts the node's asterfed and returns at once.
func (n *Node) StartFederator() error {
	binary := filepath.Join(n.Root, "usr/local/bin/asterfed")
	if _, err := os.Stat(binary); err != nil {
		if _, err := run("cp", filepath.Join(n.lab.Dir, "asterfed"), binary); err != nil {
			return err
		}
	}
	var err error
	n.federator, n.fedGone, err = n.start("asterfed.log", "/usr/local/bin/asterfed", "serve", "-conf", "/etc/asterfed/Corefile")
	return err
}

// StopFederator ends asterfed with SIGTERM.
func (n *Node) StopFederator() { kill(n.federator, n.fedGone, unix.SIGTERM); n.federator = nil }

// KillFederator kills asterfed with SIGKILL.
func (n *Node) KillFederator() { kill(n.federator, n.fedGone, unix.SIGKILL); n.federator = nil }
