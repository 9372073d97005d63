package chaos

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	mrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/asterfed/asterfed/test/chaos/clock"
)

// Config is what a run needs to know.
type Config struct {
	Seed  uint64        // repeats the plan of faults
	For   time.Duration // from the first user to the last fault's end
	Nodes int           // 3 to 200
	Users int
	Rate  int    // questions a second, of all nodes together
	Acts  int    // what the phones do in a second, at most
	Kinds string // names of faults with commas; empty: all; "none": a quiet time
	Busy  int    // how many processes take CPU time from the nodes meanwhile
	Repo  string // root of the repository
	Out   io.Writer
	Keep  bool // leaves the nodes' logs behind
	// Binary is the asterfed to run; empty: built from Repo, with a clock that
	// can be set (package clock).
	Binary string
}

// Lab is a laboratory at work. It has more methods than a type should, because
// every fault begins and ends with one, and they share the world that is judged.
type Lab struct {
	cfg   Config
	dir   string
	key   string // TSIG secret
	net   *network
	nodes []*node
	w     *world

	mu      sync.Mutex
	outages []*outage
	errs    []error
	closed  bool
	lines   sync.WaitGroup // still to be printed
}

// marker begins the names of namespaces and folders; the process id follows.
const marker = "fedchaos"

// New sets up the switch and the nodes and starts them. The caller must Close
// the laboratory, also if New fails after it returned one.
func New(cfg Config) (*Lab, error) {
	if os.Getuid() != 0 {
		return nil, errors.New("start laboratory: network namespaces need root")
	}
	sweep()
	dir, err := os.MkdirTemp("", fmt.Sprintf("%s%d-", marker, os.Getpid()))
	if err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	l := &Lab{cfg: cfg, dir: dir, w: newWorld(cfg.Nodes, newUsers(cfg.Users))}
	if l.net, err = newNetwork(l.prefix() + "sw"); err != nil {
		return l, err
	}
	if err := l.secrets(); err != nil {
		return l, err
	}
	shifted, err := clock.Overlay(dir, cfg.Repo)
	if err != nil {
		return l, err
	}
	build := exec.Command("go", "build", "-overlay", shifted, "-o", filepath.Join(dir, "asterfed"), "./cmd/asterfed")
	if cfg.Binary != "" {
		build = exec.Command("cp", cfg.Binary, filepath.Join(dir, "asterfed"))
	}
	build.Dir = cfg.Repo
	if out, err := build.CombinedOutput(); err != nil {
		return l, fmt.Errorf("build asterfed: %w: %s", err, out)
	}
	for i := range cfg.Nodes {
		if err := l.addNode(i); err != nil {
			return l, err
		}
	}
	for _, n := range l.nodes {
		if err := n.ready(startLimit); err != nil {
			return l, err
		}
	}
	l.w.began = time.Now()
	return l, nil
}

func (l *Lab) prefix() string { return fmt.Sprintf("%s%d-", marker, os.Getpid()) }

func (l *Lab) secrets() error {
	var keys [2]string
	for i := range keys {
		b := make([]byte, 32)
		if _, err := rand.Read(b); err != nil {
			return fmt.Errorf("make key: %w", err)
		}
		keys[i] = base64.StdEncoding.EncodeToString(b)
	}
	l.key = keys[1]
	for name, text := range map[string]string{
		"gossip.key":   keys[0],
		"transfer.key": fmt.Sprintf("key %q {\n\talgorithm hmac-sha256;\n\tsecret %q;\n};", keyName, l.key),
		"ami.secret":   amiSecret,
	} {
		if err := os.WriteFile(filepath.Join(l.dir, name), []byte(text+"\n"), 0o600); err != nil {
			return fmt.Errorf("write key: %w", err)
		}
	}
	return nil
}

func (l *Lab) addNode(id int) error {
	n := &node{id: id, name: nodeName(id), dir: filepath.Join(l.dir, nodeName(id)), bin: filepath.Join(l.dir, "asterfed")}
	if err := os.MkdirAll(n.dir, 0o755); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	var err error
	n.log, err = newNodeLog(n.dir, func(of, reach string, at time.Time) {
		if i, err := strconv.Atoi(of[len("pbx-"):]); err == nil && reach != "alive" {
			l.w.falseFailure(id, i-1, reach, at)
		}
	}, func(line string) { l.fail(fmt.Errorf("%s prints %s", n.name, line)) })
	if err != nil {
		return err
	}
	if n.ns, err = newNamespace(l.prefix() + strconv.Itoa(id)); err != nil {
		return err
	}
	l.nodes = append(l.nodes, n)
	if err := l.net.plug(n.ns, id); err != nil {
		return err
	}
	if err := n.prepare(l.dir); err != nil {
		return err
	}
	if err := n.startFederator(); err != nil {
		return err
	}
	l.w.change(nil, func() { l.w.health[id] = health{fed: true, pbx: true, ami: true} })
	return nil
}

func (l *Lab) fail(err error) {
	if err == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.errs = append(l.errs, err)
}

func (l *Lab) say(format string, args ...any) {
	fmt.Fprintf(l.cfg.Out, "chaos: %s\n", fmt.Sprintf(format, args...))
}

// Run lets users act, nodes break and the observer ask, and judges the end.
func (l *Lab) Run(ctx context.Context) (*Report, error) {
	chosen, err := pick(l.cfg.Kinds)
	if err != nil {
		return nil, err
	}
	plan := newPlan(l.cfg.Seed, l.cfg.Nodes, l.cfg.For, chosen)
	l.say("seed %d: %d nodes, %d users, %d faults in %v", l.cfg.Seed, l.cfg.Nodes, l.cfg.Users, len(plan), l.cfg.For)
	still, stop := make(chan struct{}), make(chan struct{})
	watch, cancel := context.WithCancel(ctx)
	defer cancel()
	var tasks sync.WaitGroup
	idle, err := keepBusy(watch, l.cfg.Busy)
	tasks.Go(idle)
	if err != nil {
		cancel()
		tasks.Wait()
		return nil, err
	}
	tasks.Go(func() { l.phones(mrand.New(mrand.NewPCG(l.cfg.Seed, 1)), l.cfg.Acts, still, stop) })
	for i, n := range l.nodes {
		o, err := newObserver(l.w, n, mrand.New(mrand.NewPCG(l.cfg.Seed, uint64(2+i))))
		if err != nil {
			cancel()
			close(stop)
			tasks.Wait()
			return nil, err
		}
		tasks.Go(func() { o.run(watch, max(10, l.cfg.Rate/len(l.nodes))) })
	}
	tasks.Go(func() { l.supervise(watch) })
	l.drive(ctx, plan)
	if len(chosen) == 0 {
		sleep(ctx, time.Until(l.w.began.Add(l.cfg.For)))
	}
	close(still)
	final := l.settleDown(ctx, stop)
	cancel()
	tasks.Wait()
	return l.report(final), nil
}

// Close ends every process and removes namespaces, mounts and files.
func (l *Lab) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.closed = true
	for _, n := range l.nodes {
		n.close()
		n.log.close()
	}
	if l.net != nil {
		l.net.sw.close()
	}
	if l.cfg.Keep {
		to := filepath.Join(os.TempDir(), fmt.Sprintf("asterfed-chaos-%d", os.Getpid()))
		if err := os.Rename(l.dir, to); err == nil {
			l.say("logs are in %s", to)
			return
		}
	}
	_ = os.RemoveAll(l.dir)
}

var ownedBy = regexp.MustCompile(`^` + marker + `(\d+)-`)
