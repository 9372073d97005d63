package chaos

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// jump is how far a clock is set by one fault.
const jump = time.Hour

// clockSet is a real-time signal, which nothing else listens to: the file that
// the environment names holds how far the clock is off now.
const (
	clockSet = syscall.Signal(40)
	clockEnv = "CHAOS_CLOCK"
)

// No namespace has a CLOCK_REALTIME of its own, and a Go program asks the
// kernel, not the C library. So the nodes run an asterfed that is built with a
// standard library whose time.Now can be set: everything that reads the wall
// clock in the process is off alike, and the monotonic clock goes on.
const (
	shiftOfTime = `package time

import "sync/atomic"

// Shift is how far the wall clock is off, in seconds.
var Shift atomic.Int64
`
	shiftOfMain = `package main

import (
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

func init() {
	c := make(chan os.Signal, 4)
	signal.Notify(c, syscall.Signal(%d)) // before the file is read: no change is missed
	set := func() {
		b, _ := os.ReadFile(os.Getenv(%q))
		n, _ := strconv.ParseInt(string(b), 10, 64)
		time.Shift.Store(n)
	}
	set()
	go func() {
		for range c {
			set()
		}
	}()
}
`
	nowBefore = "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n"
	nowAfter  = nowBefore + "\tsec += Shift.Load()\n"
)

// overlay writes what go build takes in the place of files of the standard
// library and of cmd/asterfed below repo, and returns its -overlay file.
func overlay(dir, repo string) (string, error) {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("find the standard library: %w", err)
	}
	std := filepath.Join(strings.TrimSpace(string(out)), "src", "time")
	now, err := os.ReadFile(filepath.Join(std, "time.go"))
	if err != nil {
		return "", fmt.Errorf("read the standard library: %w", err)
	}
	if strings.Count(string(now), nowBefore) != 1 {
		return "", fmt.Errorf("set clocks: time.Now of %s does not begin with %q; adapt nowBefore", std, nowBefore)
	}
	repo, err = filepath.Abs(repo)
	if err != nil {
		return "", err
	}
	replace := map[string]string{}
	for path, text := range map[string]string{
		filepath.Join(std, "time.go"):                          strings.Replace(string(now), nowBefore, nowAfter, 1),
		filepath.Join(std, "shift.go"):                         shiftOfTime,
		filepath.Join(repo, "cmd", "asterfed", "shift_lab.go"): fmt.Sprintf(shiftOfMain, int(clockSet), clockEnv),
	} {
		file := filepath.Join(dir, fmt.Sprintf("overlay%d.go", len(replace)))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return "", fmt.Errorf("write overlay: %w", err)
		}
		replace[path] = file
	}
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "overlay.json")
	return file, os.WriteFile(file, b, 0o600)
}

// clockFile holds how far the host's clock is off, in seconds.
func (n *node) clockFile() string { return filepath.Join(n.dir, "clock") }

// setClock sets the clock of a node's host: that of asterfed, and that of
// Asterisk, which drops at once what has expired by it.
func setClock(by time.Duration) func(*Lab, step, *outage) error {
	return func(l *Lab, st step, _ *outage) error {
		n := l.nodes[st.nodes[0]]
		l.w.mu.Lock()
		defer l.w.mu.Unlock()
		off := time.Duration(n.off.Add(int64(by)))
		err := os.WriteFile(n.clockFile(), []byte(strconv.Itoa(int(off.Seconds()))), 0o600)
		err = errors.Join(err, n.signal(clockSet))
		n.pbx.CheckExpiry()
		l.dropped(n)
		return err
	}
}

// dropped notes whose contact a node's Asterisk takes for expired now that its
// clock was set. The world is locked.
func (l *Lab) dropped(n *node) {
	now := time.Now()
	for _, u := range l.w.users {
		if c, ok := u.held[n.id]; ok && !n.clock().Before(c.until) {
			delete(u.held, n.id)
			if u.home == n.id {
				l.settle(u, nowhere, now)
			}
		}
	}
}
