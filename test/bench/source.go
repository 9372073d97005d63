package main

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami"
	"github.com/asterfed/asterfed/plugin/federation/ami/registrations"
	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/primary"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
)

// insideSource is set in the process that runs the AMI source alone: the address
// of its Asterisk.
const insideSource = "ASTERFED_BENCH_SOURCE"

// published carries what the source learns into a home zone, as the plugin does.
type published struct {
	p     *primary.Primary
	ready atomic.Bool
}

func (r *published) update(f func(*location.Store) []location.Change) { _, _ = r.p.Update(f) }

func (r *published) Registered(c location.Contact) {
	r.update(func(s *location.Store) []location.Change { return s.Register(c) })
}

func (r *published) ListedAOR(a location.AOR, t location.Kind, list []location.Contact) {
	r.update(func(s *location.Store) []location.Change { return s.ObserveAOR(a, t, list) })
}

func (r *published) ListedAll(t location.Kind, list location.Listing) {
	r.update(func(s *location.Store) []location.Change { return s.Sweep(t, list) })
}

func (r *published) Removed(a location.AOR, t location.Kind, uri string) {
	r.update(func(s *location.Store) []location.Change { return s.Remove(a, t, uri) })
}

func (r *published) report(s ami.Status) { r.ready.Store(s.State == ami.Ready) }

// source follows an Asterisk into a home zone with a journal in the current folder, and tells, for
// every line that it reads, what it has used: a reading as text.
func source(addr string) error {
	journal, _, err := primary.OpenJournal(filepath.Join(".", "data"), home, origin)
	if err != nil {
		return err
	}
	quiet := slog.New(slog.DiscardHandler)
	clock := location.NewClock(time.Now)
	view := answer.New(answer.Config{}, view.New(view.Config{Origin: origin, Self: home, TTL: ttl * time.Second}))
	r := &published{p: primary.New(primary.Config{Zone: view.Own(), Clock: clock, Journal: journal, Logger: quiet,
		Node: record.Node{Name: home, State: record.Up}})}
	defer r.p.Close()
	s := ami.New(ami.Config{Addr: addr, User: "asterfed", Secret: "bench", Report: r.report, Logger: quiet},
		registrations.New(registrations.Config{Listener: r, Rivals: view.Contested, Mark: clock.Mark, Keep: func(registrations.Checkpoint) {}, Logger: quiet}))
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go s.Run(ctx)
	var asked time.Duration // what the readings take
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		before := used()
		if in.Text() == "collect" {
			runtime.GC()
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		bindings := 0
		if r.ready.Load() {
			r.p.Read(func(s *location.Store) { bindings = s.Len() })
		}
		fmt.Println(reading{cpu: before - asked, heap: int64(m.HeapAlloc),
			allocated: int64(m.TotalAlloc), goroutines: runtime.NumGoroutine(), bindings: bindings})
		asked += used() - before
	}
	return nil
}

// used is the CPU time of this process.
func used() time.Duration {
	var use syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &use) // cannot fail for oneself
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// reading is what a process has used so far.
type reading struct {
	cpu        time.Duration
	heap       int64 // live, after a collection; octets
	allocated  int64 // ever
	goroutines int
	bindings   int // published, zero before the first listing is complete
}

func (r reading) String() string {
	return fmt.Sprint(int64(r.cpu), r.heap, r.allocated, r.goroutines, r.bindings)
}

func parseReading(line string) (r reading, err error) {
	_, err = fmt.Sscan(strings.TrimSpace(line), (*int64)(&r.cpu), &r.heap, &r.allocated, &r.goroutines, &r.bindings)
	return r, err
}
