package node

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/asterfed/asterfed/plugin/federation/config"
	"github.com/miekg/dns"
)

// A node with data serves what its directory said before the restart while it reads
// a file that takes long, here one that nobody has written yet; updates and AMI wait.
func TestDirectoryIsReadBesideServing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "users.csv")
	if err := os.WriteFile(file, []byte("user,number\n1001,+97231231001\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	settings := config.Config{Data: t.TempDir(), Directory: file}
	answered := func(n *Node, name string) bool {
		return len(n.view.Lookup(name+".e164."+testZone, dns.TypeNAPTR).Answer) > 0
	}
	const before, after = "1.0.0.1.3.2.1.3.2.7.9", "2.0.0.1.3.2.1.3.2.7.9"
	n := newTestNode(t, settings)
	register(n, "1001") // a number leads to a user who is registered
	until(t, func() bool { return answered(n, before) })
	n.Stop()

	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(file, 0o600); err != nil {
		t.Fatal(err)
	}
	n = newTestNode(t, settings)
	if !answered(n, before) {
		t.Error("what was published before the restart is not served")
	}
	if n.Recovered() {
		t.Error("updates are taken before the directory is known")
	}
	if err := os.WriteFile(file, []byte("user,number\n1001,+97231231002\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { return answered(n, after) && !answered(n, before) && n.Recovered() })
	os.Remove(file)
}
