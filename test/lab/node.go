package lab

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Node is one server: Asterisk and asterfed in a network namespace and a root
// file system of their own.
type Node struct {
	// Name is the node's name in the federation, as "pbx-a".
	Name string
	// Address is its IPv4 address.
	Address string
	// Root is its root file system, a writable overlay.
	Root string

	lab       *Lab
	ns        *namespace
	phones    string // where phones reach its Asterisk, HOST:PORT
	asterisk  *exec.Cmd
	federator *exec.Cmd
	gone      chan struct{} // closed when the running asterisk has ended
	fedGone   chan struct{}
}

// AddNode sets up a node with an Asterisk of the version ("16" or "22") and the
// shared configuration of the example; the folder holds the node's own files
// (asterisk.conf, resolv.conf, Corefile).
func (l *Lab) AddNode(name, address, version, folder string) (*Node, error) {
	return l.addNode(l.prefix+"sw", name, address, version, folder)
}

// addNode sets a node up at a switch.
func (l *Lab) addNode(sw, name, address, version, folder string) (*Node, error) {
	n := &Node{Name: name, Address: address, lab: l, phones: address + ":5060", Root: filepath.Join(l.Dir, name, "root")}
	var err error
	if n.ns, err = addNamespace(sw, l.prefix+name, name, address); err != nil {
		return nil, err
	}
	if err := n.mount(filepath.Join(l.Repo, ".cache", "asterisk-"+version)); err != nil {
		return nil, err
	}
	l.mu.Lock()
	l.nodes = append(l.nodes, n)
	l.mu.Unlock()
	return n, n.configure(folder)
}

func (n *Node) mount(lower string) error {
	if _, err := os.Stat(filepath.Join(lower, "usr/sbin/asterisk")); err != nil {
		return fmt.Errorf("find Asterisk, which test/lab/install.sh makes: %w", err)
	}
	dir := filepath.Dir(n.Root)
	for _, d := range []string{"root", "upper", "work"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return fmt.Errorf("make root file system: %w", err)
		}
	}
	opts := fmt.Sprintf("lowerdir=%s,upperdir=%s/upper,workdir=%s/work", lower, dir, dir)
	if err := unix.Mount("overlay", n.Root, "overlay", 0, opts); err != nil {
		return fmt.Errorf("mount overlay on %s: %w", n.Root, err)
	}
	return nil
}

// configure does what the README of the example tells a newcomer to do: it copies
// the files over those that the package has installed.
func (n *Node) configure(folder string) error {
	etc := filepath.Join(n.Root, "etc")
	for _, d := range []string{"asterisk", "asterfed", "../run/asterisk", "../var/lib/asterfed"} {
		if err := os.MkdirAll(filepath.Join(etc, d), 0o755); err != nil {
			return fmt.Errorf("make folder: %w", err)
		}
	}
	for _, c := range [][2]string{
		{n.lab.example("asterisk") + "/.", etc + "/asterisk/"},
		{n.lab.secrets + "/etc/.", etc + "/"},
	} {
		if _, err := run("cp", "-r", c[0], c[1]); err != nil {
			return err
		}
	}
	own, err := os.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("read the node's folder: %w", err)
	}
	for _, f := range own {
		to := "asterisk/" + f.Name()
		switch f.Name() {
		case "resolv.conf":
			to = f.Name()
		case "Corefile":
			to = "asterfed/Corefile"
		}
		data, err := os.ReadFile(filepath.Join(folder, f.Name()))
		if err != nil {
			return fmt.Errorf("read the node's folder: %w", err)
		}
		if err := n.Write("/etc/"+to, string(data)); err != nil {
			return err
		}
	}
	if err := n.Append("/etc/asterisk/manager.conf", labManager); err != nil {
		return err
	}
	return n.Write("/etc/hosts", "127.0.0.1 localhost "+n.Name+"\n")
}

// Write replaces a file of the node.
func (n *Node) Write(path, text string) error {
	to := filepath.Join(n.Root, path)
	_ = os.Remove(to) // it may be a link
	mode := os.FileMode(0o644)
	if ext := filepath.Ext(path); ext == ".key" || ext == ".secret" {
		mode = 0o600
	}
	if err := os.WriteFile(to, []byte(text), mode); err != nil {
		return fmt.Errorf("write %s of %s: %w", path, n.Name, err)
	}
	return nil
}

// Append adds lines at the end of a file of the node.
func (n *Node) Append(path, text string) error { return n.Write(path, n.Read(path)+"\n"+text) }

// Read returns a file of the node, empty if there is none.
func (n *Node) Read(path string) string {
	data, _ := os.ReadFile(filepath.Join(n.Root, path))
	return string(data)
}

// start runs a command in the node's namespace and root file system. The
// channel closes when it has ended.
func (n *Node) start(log string, args ...string) (*exec.Cmd, chan struct{}, error) {
	cmd := n.ns.command(append([]string{"chroot", n.Root}, args...)...)
	out, err := os.OpenFile(filepath.Join(n.lab.Dir, n.Name, log), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, nil, fmt.Errorf("open log: %w", err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return nil, nil, fmt.Errorf("start %s on %s: %w", args[0], n.Name, err)
	}
	gone := make(chan struct{})
	go func() { _ = cmd.Wait(); close(gone) }()
	return cmd, gone, nil
}

// Federator runs a subcommand of asterfed on the node.
func (n *Node) Federator(args ...string) (string, error) {
	out, err := n.ns.command(append([]string{"chroot", n.Root, "/usr/local/bin/asterfed"}, args...)...).CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("run asterfed %s on %s: %w: %s", args[0], n.Name, err, out)
	}
	return string(out), nil
}

// Serf runs the stock serf command beside the node's federator, and returns what it
// prints.
func (n *Node) Serf(args ...string) string {
	cmd := n.ns.command(append([]string{"serf"}, args...)...)
	key, _ := os.ReadFile(filepath.Join(n.Root, "var/lib/asterfed/rpc.key"))
	cmd.Env = append(os.Environ(), "SERF_RPC_AUTH="+strings.TrimSpace(string(key)))
	out, _ := cmd.CombinedOutput()
	return string(out)
}

// Connect opens a TCP connection from within the node.
func (n *Node) Connect(address string) (conn net.Conn, err error) {
	err = n.ns.enter(func() (err error) {
		conn, err = net.DialTimeout("tcp", address, 2*time.Second)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("connect to %s on %s: %w", address, n.Name, err)
	}
	return conn, nil
}

// Remove ends the node and takes it out of the laboratory.
func (n *Node) Remove() {
	n.KillFederator()
	n.KillAsterisk()
	n.lab.mu.Lock()
	n.lab.nodes = slices.DeleteFunc(n.lab.nodes, func(o *Node) bool { return o == n })
	n.lab.mu.Unlock()
	remove(n.ns.name, filepath.Dir(n.Root))
}

// Log returns what "asterisk" or "asterfed" has printed on the node.
func (n *Node) Log(name string) string {
	data, _ := os.ReadFile(filepath.Join(n.lab.Dir, n.Name, name+".log"))
	return string(data)
}

// Unplug cuts the node off from everybody, silently; Plug ends that.
func (n *Node) Unplug() error { return n.ns.unplug() }

// Plug puts the node's cable back.
func (n *Node) Plug() error { return n.ns.plug() }

func kill(cmd *exec.Cmd, gone chan struct{}, sig unix.Signal) {
	if cmd == nil {
		return
	}
	_ = cmd.Process.Signal(sig)
	select {
	case <-gone:
	case <-time.After(20 * time.Second):
		_ = cmd.Process.Kill()
		<-gone
	}
}

// Dig runs dig on the node and returns its short answer, line by line.
func (n *Node) Dig(args ...string) []string {
	cmd := n.ns.command(append([]string{"dig", "+short", "+tries=1", "+time=1"}, args...)...)
	out, _ := cmd.Output()
	var lines []string
	for line := range strings.Lines(string(out)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != ';' {
			lines = append(lines, line)
		}
	}
	return lines
}
