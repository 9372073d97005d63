package chaos

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// run runs a command with an input; an error repeats its output.
func run(input, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Stdin = strings.NewReader(input)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("run %s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

func ip(args ...string) error { return run("", "ip", args...) }

// namespace is a network namespace, and one thread of this process that lives
// in it: sockets opened and processes started there stay there.
type namespace struct {
	name string
	work chan func()
	done chan struct{}
}

// newNamespace makes a namespace and its thread.
func newNamespace(name string) (*namespace, error) {
	if err := ip("netns", "add", name); err != nil {
		return nil, err
	}
	ns := &namespace{name: name, work: make(chan func()), done: make(chan struct{})}
	ready := make(chan error)
	go ns.thread(ready)
	if err := <-ready; err != nil {
		_ = ip("netns", "del", name)
		return nil, err
	}
	if err := ip("-n", name, "link", "set", "lo", "up"); err != nil {
		ns.close()
		return nil, err
	}
	return ns, nil
}

// thread runs what do sends. It stays locked, so that its thread ends with it,
// and with the thread the processes that it started.
func (ns *namespace) thread(ready chan<- error) {
	defer close(ns.done)
	runtime.LockOSThread()
	f, err := os.Open("/run/netns/" + ns.name)
	if err != nil {
		ready <- fmt.Errorf("open namespace: %w", err)
		return
	}
	err = unix.Setns(int(f.Fd()), unix.CLONE_NEWNET)
	f.Close()
	if err != nil {
		ready <- fmt.Errorf("enter namespace %s: %w", ns.name, err)
		return
	}
	ready <- nil
	for f := range ns.work {
		f()
	}
}

// do calls f in the namespace and returns its error.
func (ns *namespace) do(f func() error) error {
	result := make(chan error, 1)
	ns.work <- func() { result <- f() }
	return <-result
}

// close ends the thread and removes the namespace.
func (ns *namespace) close() {
	close(ns.work)
	<-ns.done
	_ = ip("netns", "del", ns.name)
}
