package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami/amitest"
)

// The goals of a steady state, and of a long listing.
const (
	soakUsers    = 1_000
	soakReadings = 12
	idleGoal     = 0.002 // of a core
	listed       = 100_000
	listGoal     = time.Second // of CPU
	// tolerance: CPU time is dearer where others use the machine. More is an error.
	tolerance = 2
	// slack is how much live heap may seem to grow: what is cached now and then.
	slack, slackShare = 256 << 10, 0.03
)

// soak measures what is used while nothing happens, and what a long listing costs. Growth is an
// error, and a goal that is missed by far.
func (b *bench) soak() (string, error) {
	var out strings.Builder
	out.WriteString("| | goal | measured |\n|---|---|---|\n")
	b.progress("a listing of %d contacts", listed)
	f, err := b.follow("listing", listed)
	if err != nil {
		return "", err
	}
	cpu, err := f.until(listed)
	f.end()
	if err != nil {
		return "", err
	}
	fmt.Fprintf(&out, "| AMI: %d contacts listed, compared, journalled and published, CPU | under %v | %.2f s |\n", listed, listGoal, cpu.Seconds())
	b.progress("%d users and nothing that happens, for %v", soakUsers, b.soakTime)
	if f, err = b.follow("idle", soakUsers); err != nil {
		return "", err
	}
	defer f.end()
	if _, err := f.until(soakUsers); err != nil {
		return "", err
	}
	alone, err := b.quiet(f.read)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(&out, "| the AMI source with its home zone alone, %d users, nothing happens for %v: CPU | under %.1f%% of a core | %.3f%% |\n", soakUsers, b.soakTime, 100*idleGoal, 100*alone.share)
	fmt.Fprintf(&out, "| the same: live heap at the beginning and the end, goroutines | no growth | %s |\n", alone)
	fmt.Fprintf(&out, "| the same: allocated | | %.1f kB/s |\n", alone.rate/1e3)
	switch {
	case cpu > tolerance*listGoal:
		err = fmt.Errorf("a listing of %d contacts took %v of CPU, want %v", listed, cpu, listGoal)
	case alone.share > tolerance*idleGoal:
		err = fmt.Errorf("the idle AMI source takes %.2f%% of a core, want %.2f%%", 100*alone.share, 100*idleGoal)
	case alone.grown():
		err = fmt.Errorf("memory grows while nothing happens: %s", alone)
	}
	if err != nil {
		fmt.Print(out.String())
	}
	return out.String(), err
}

// steady is what a process has used over a time.
type steady struct {
	share       float64 // of a core
	rate        float64 // allocated, octets a second
	first, last reading // medians of a third each
}

func (s steady) String() string {
	return fmt.Sprintf("%.3f and %.3f MB, %d and %d", float64(s.first.heap)/1e6, float64(s.last.heap)/1e6, s.first.goroutines, s.last.goroutines)
}

func (s steady) grown() bool {
	return float64(s.last.heap-s.first.heap) > slack+slackShare*float64(s.first.heap) || s.last.goroutines > s.first.goroutines
}

// quiet takes readings over the time of a soak.
func (b *bench) quiet(read func() (reading, error)) (s steady, err error) {
	var all []reading
	began := time.Now()
	for i := range soakReadings + 1 {
		<-time.After(time.Until(began.Add(b.soakTime * time.Duration(i) / soakReadings)))
		r, err := read()
		if err != nil {
			return s, err
		}
		all = append(all, r)
	}
	took := time.Since(began).Seconds()
	s.share = (all[len(all)-1].cpu - all[0].cpu).Seconds() / took
	s.rate = float64(all[len(all)-1].allocated-all[0].allocated) / took
	third := soakReadings / 3
	s.first, s.last = middle(all[1:1+third]), middle(all[len(all)-third:])
	return s, nil
}

func middle(all []reading) reading {
	byHeap := slices.SortedFunc(slices.Values(all), func(a, b reading) int { return int(a.heap - b.heap) })
	return byHeap[len(byHeap)/2]
}

// follower is the AMI source in a process of its own, with the Asterisk that it follows.
type follower struct {
	pbx *amitest.Server
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// follow starts one with so many users.
func (b *bench) follow(name string, users int) (f *follower, err error) {
	f = &follower{}
	if f.pbx, err = amitest.New(amitest.Config{Addr: "127.0.3.1:0", User: "asterfed", Secret: "bench", CheckInterval: time.Hour}); err != nil {
		return nil, fmt.Errorf("play an Asterisk: %w", err)
	}
	defer func() {
		if err != nil {
			f.end()
		}
	}()
	contacts := make([]amitest.Contact, users)
	for i := range contacts {
		user := fmt.Sprint("user-", i)
		contacts[i] = amitest.Contact{AOR: user, URI: fmt.Sprintf("sip:%s@192.0.2.7:%d", user, 1024+i%60000), UserAgent: "phone/1.0", Expires: time.Now().Add(24 * time.Hour)}
	}
	f.pbx.Put(contacts...)
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	f.cmd = exec.Command(self)
	f.cmd.Dir = filepath.Join(b.dir, "source-"+name)
	if err := os.MkdirAll(f.cmd.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	f.cmd.Env = append(os.Environ(), insideSource+"="+f.pbx.Addr())
	f.cmd.Stderr = os.Stderr
	f.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if f.in, err = f.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start the source: %w", err)
	}
	out, err := f.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start the source: %w", err)
	}
	f.out = bufio.NewReader(out)
	if err = f.cmd.Start(); err != nil {
		f.cmd = nil
		return nil, fmt.Errorf("start the source: %w", err)
	}
	return f, nil
}

func (f *follower) end() {
	if f.cmd != nil {
		f.in.Close()
		_ = f.cmd.Wait()
	}
	f.pbx.Kill()
}

func (f *follower) ask(what string) (reading, error) {
	if _, err := fmt.Fprintln(f.in, what); err != nil {
		return reading{}, fmt.Errorf("ask the source: %w", err)
	}
	line, err := f.out.ReadString('\n')
	if err != nil {
		return reading{}, fmt.Errorf("ask the source: %w", err)
	}
	return parseReading(line)
}

// read takes a reading after a collection, whose CPU time does not count.
func (f *follower) read() (reading, error) { return f.ask("collect") }

// until waits for so many users and returns the CPU time that they took, that of
// the start included.
func (f *follower) until(users int) (time.Duration, error) {
	for late := time.Now().Add(time.Minute); ; <-time.After(50 * time.Millisecond) {
		r, err := f.ask("tell")
		if err != nil {
			return 0, err
		}
		if r.bindings >= users {
			return r.cpu, nil
		}
		if time.Now().After(late) {
			return 0, fmt.Errorf("the source has %d of %d users after a minute", r.bindings, users)
		}
	}
}
