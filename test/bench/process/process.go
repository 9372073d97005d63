// Package process runs the servers that are measured, and measures them: CPU time
// and memory of a process and of those that it starts.
package process

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Process is a server with the processes that it starts. It dies with this
// program, however that ends.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
	said tail
}

// Start starts a command on one core, or on all if core is negative. It is to
// be called on the main thread.
func Start(core int, name string, args ...string) (*Process, error) {
	if core >= 0 {
		args = append([]string{"-c", strconv.Itoa(core), name}, args...)
		name = "taskset"
	}
	p := &Process{cmd: exec.Command(name, args...), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.said, &p.said
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() { _ = p.cmd.Wait(); close(p.done) }()
	return p, nil
}

// Said returns the last of what the process has written.
func (p *Process) Said() string { return p.said.String() }

// Stop ends the process and all of its group.
func (p *Process) Stop() {
	_ = unix.Kill(-p.cmd.Process.Pid, unix.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(5 * time.Second):
	}
	_ = unix.Kill(-p.cmd.Process.Pid, unix.SIGKILL)
	<-p.done
}

// Ended reports whether the process has ended by itself.
func (p *Process) Ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Group lists the processes of the group.
func (p *Process) Group() (pids []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range stats {
		raw, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(raw), ") ")
		if f := strings.Fields(rest); len(f) > 2 && f[2] == strconv.Itoa(p.cmd.Process.Pid) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			pids = append(pids, pid)
		}
	}
	return pids
}

// OnlyOn fails if a thread of the group may run on another core.
func (p *Process) OnlyOn(core int) error {
	for _, pid := range p.Group() {
		files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				continue // it has ended
			}
			_, rest, _ := strings.Cut(string(raw), "Cpus_allowed_list:")
			if list, _, _ := strings.Cut(rest, "\n"); strings.TrimSpace(list) != strconv.Itoa(core) {
				return fmt.Errorf("a thread runs on cores %s, not on %d alone", strings.TrimSpace(list), core)
			}
		}
	}
	return nil
}

// CPU is what the group has used of all cores, the kernel's part included.
func (p *Process) CPU() (sum time.Duration) {
	for _, pid := range p.Group() {
		var t unix.Timespec
		// The clock of another process: clock_getcpuclockid(3).
		if unix.ClockGettime(int32(^pid<<3|2), &t) == nil {
			sum += time.Duration(t.Nano())
		}
	}
	return sum
}

// Memory is what the group has resident, shared pages counted once; octets.
func (p *Process) Memory() int64 { return p.mapped("Pss:") }

// Resident is the same for a process alone on its machine, which shares nothing.
func (p *Process) Resident() int64 { return p.mapped("Rss:") }

// mapped adds up a line of smaps_rollup.
func (p *Process) mapped(what string) (sum int64) {
	for _, pid := range p.Group() {
		raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(raw)) {
			if f := strings.Fields(line); len(f) == 3 && f[0] == what {
				kb, _ := strconv.ParseInt(f[1], 10, 64)
				sum += kb << 10
			}
		}
	}
	return sum
}

// tail keeps the last of what a server says.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	if over := len(t.text) - 1<<14; over > 0 {
		t.text = bytes.Clone(t.text[over:])
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
