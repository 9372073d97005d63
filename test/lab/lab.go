package lab

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Lab is a running laboratory. Its methods are safe for concurrent use; those
// of one Node are not.
type Lab struct {
	// Dir is where everything of this run lies.
	Dir string
	// Repo is the root of the repository.
	Repo string

	prefix  string
	phones  *namespace
	secrets string

	mu     sync.Mutex
	nodes  []*Node
	agents []*Phone
	closed bool
	port   int
}

// PhoneAddress is the address of all phones.
const PhoneAddress = "10.88.0.100"

const marker = "fedlab"

// New sets up the switch, the phones' namespace and the secrets. The caller
// must Close it; SIGINT and SIGTERM do so too and end the process.
func New(repo string) (*Lab, error) {
	repo, err := filepath.Abs(repo)
	if err != nil {
		return nil, fmt.Errorf("find repository: %w", err)
	}
	if os.Getuid() != 0 {
		return nil, fmt.Errorf("start laboratory: network namespaces need root")
	}
	sweep()
	dir, err := os.MkdirTemp("", fmt.Sprintf("%s%d-", marker, os.Getpid()))
	if err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	l := &Lab{Dir: dir, Repo: repo, prefix: fmt.Sprintf("%s%d-", marker, os.Getpid()), port: 20000}
	l.closeOnSignal()
	if err := l.setup(); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func (l *Lab) setup() error {
	if err := addSwitch(l.prefix + "sw"); err != nil {
		return err
	}
	var err error
	if l.phones, err = addNamespace(l.prefix+"sw", l.prefix+"ph", "phones", PhoneAddress); err != nil {
		return err
	}
	// Without cgo, the binary needs no C library, so that it runs below every
	// root file system.
	build := exec.Command("go", "build", "-o", filepath.Join(l.Dir, "asterfed"), "./cmd/asterfed")
	build.Dir, build.Env = l.Repo, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build asterfed: %w: %s", err, out)
	}
	l.secrets = filepath.Join(l.Dir, "secrets")
	_, err = run(l.example("secrets.sh"), l.secrets)
	return err
}

func (l *Lab) example(path ...string) string {
	return filepath.Join(append([]string{l.Repo, "examples", "three-nodes"}, path...)...)
}

// Node returns the node of that name, nil if there is none.
func (l *Lab) Node(name string) *Node {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range l.nodes {
		if n.Name == name {
			return n
		}
	}
	return nil
}

// Close ends every process of the laboratory and removes its namespaces,
// mounts and files.
func (l *Lab) Close() {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return
	}
	l.closed = true
	nodes, agents := l.nodes, l.agents
	l.mu.Unlock()
	for _, p := range agents {
		p.Stop()
	}
	for _, n := range nodes {
		n.KillFederator()
		n.KillAsterisk()
	}
	remove(l.prefix, l.Dir)
}

func (l *Lab) closeOnSignal() {
	c := make(chan os.Signal, 1)
	signal.Notify(c, unix.SIGINT, unix.SIGTERM)
	go func() {
		<-c
		l.Close()
		os.Exit(1)
	}()
}

// remove takes down the namespaces with the prefix, and the mounts and files
// below dir.
func remove(prefix, dir string) {
	mounts, _ := os.ReadFile("/proc/self/mounts")
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); len(f) > 1 && strings.HasPrefix(f[1], dir+"/") {
			_ = unix.Unmount(f[1], unix.MNT_DETACH)
		}
	}
	spaces, _ := os.ReadDir("/run/netns")
	for _, s := range spaces {
		if strings.HasPrefix(s.Name(), prefix) {
			_, _ = run("ip", "netns", "del", s.Name())
		}
	}
	_ = os.RemoveAll(dir)
}

// sweep removes what labs have left whose process is gone.
func sweep() {
	dead := func(name string) (prefix string, ok bool) {
		rest, found := strings.CutPrefix(name, marker)
		id, _, _ := strings.Cut(rest, "-")
		pid, err := strconv.Atoi(id)
		if !found || err != nil {
			return "", false
		}
		return marker + id + "-", unix.Kill(pid, 0) == unix.ESRCH
	}
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), marker+"*"))
	for _, d := range dirs {
		if prefix, ok := dead(filepath.Base(d)); ok {
			remove(prefix, d)
		}
	}
	spaces, _ := os.ReadDir("/run/netns")
	for _, s := range spaces {
		if _, ok := dead(s.Name()); ok {
			_, _ = run("ip", "netns", "del", s.Name())
		}
	}
}

// Poll calls f every 50 ms until it returns true, and reports whether that
// happened in time.
func Poll(limit time.Duration, f func() bool) bool {
	deadline := time.Now().Add(limit)
	for {
		if f() {
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// SaveLogs copies the logs of all nodes to a folder.
func (l *Lab) SaveLogs(to string) {
	for _, n := range l.nodes {
		_ = os.MkdirAll(filepath.Join(to, n.Name), 0o755)
		_ = os.WriteFile(filepath.Join(to, n.Name, "asterfed.log"), []byte(n.Log("asterfed")), 0o644)
		_ = os.WriteFile(filepath.Join(to, n.Name, "asterisk.log"), []byte(n.Read("/var/log/asterisk/full")), 0o644)
	}
}
