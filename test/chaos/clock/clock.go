// Package clock builds an asterfed whose wall clock can be set while it runs. No
// network namespace has a CLOCK_REALTIME of its own, and a Go program asks the
// kernel, not the C library, so a standard library whose time.Now can be set takes
// the place of the usual one.
package clock

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// Changed is the real-time signal that makes a process read the file that Env
// names: how far its clock is off now, in seconds. Nothing else listens to it.
const (
	Changed = syscall.Signal(40)
	Env     = "CHAOS_CLOCK"
)

// Everything that reads the wall clock in the process is off alike, and the
// monotonic clock goes on.
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

// Overlay writes to dir what go build takes in the place of files of the standard
// library and of cmd/asterfed below repo, and returns the file for its -overlay.
func Overlay(dir, repo string) (string, error) {
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
		filepath.Join(repo, "cmd", "asterfed", "shift_lab.go"): fmt.Sprintf(shiftOfMain, int(Changed), Env),
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
