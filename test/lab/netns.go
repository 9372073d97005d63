package lab

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// run runs a command and returns its output, which an error repeats.
func run(name string, args ...string) (string, error) {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("run %s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return string(out), nil
}

// namespace is a network namespace with one cable to the switch.
type namespace struct {
	name string // as "ip netns" lists it
	port string // the cable's end at the switch
	sw   string // the switch's namespace
}

// addSwitch makes the namespace that bridges all the others.
func addSwitch(name string) error {
	for _, args := range [][]string{
		{"netns", "add", name},
		{"-n", name, "link", "add", "br0", "type", "bridge"},
		{"-n", name, "link", "set", "br0", "up"},
	} {
		if _, err := run("ip", args...); err != nil {
			return err
		}
	}
	return nil
}

// addNamespace makes a namespace with an address and plugs it into the switch.
func addNamespace(sw, name, port string, addresses ...string) (*namespace, error) {
	ns := &namespace{name: name, port: port, sw: sw}
	cmds := [][]string{
		{"netns", "add", name},
		{"-n", sw, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name},
		{"-n", sw, "link", "set", port, "master", "br0", "up"},
		{"-n", name, "link", "set", "lo", "up"},
		{"-n", name, "link", "set", "eth0", "up"},
	}
	for _, a := range addresses {
		cmds = append(cmds, []string{"-n", name, "addr", "add", a + "/24", "dev", "eth0"})
	}
	for _, args := range cmds {
		if _, err := run("ip", args...); err != nil {
			return nil, err
		}
	}
	return ns, nil
}

// unplug takes the cable out of the switch. Its carrier stays: as on a real
// network, nobody is told.
func (ns *namespace) unplug() error {
	_, err := run("ip", "-n", ns.sw, "link", "set", ns.port, "nomaster")
	return err
}

// plug puts the cable back.
func (ns *namespace) plug() error {
	_, err := run("ip", "-n", ns.sw, "link", "set", ns.port, "master", "br0")
	return err
}

// command returns a command that runs inside the namespace and dies with this
// process.
func (ns *namespace) command(args ...string) *exec.Cmd {
	cmd := exec.Command("ip", append([]string{"netns", "exec", ns.name}, args...)...)
	cmd.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
	return cmd
}

// enter calls f on a thread that is inside the namespace; sockets that f makes
// stay there.
func (ns *namespace) enter(f func() error) error {
	runtime.LockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("open own namespace: %w", err)
	}
	defer home.Close()
	there, err := os.Open("/run/netns/" + ns.name)
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("open namespace: %w", err)
	}
	defer there.Close()
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("enter namespace %s: %w", ns.name, err)
	}
	ferr := f()
	if err := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("leave namespace %s: %w", ns.name, err) // the thread stays locked: nobody may use it again
	}
	runtime.UnlockOSThread()
	return ferr
}
