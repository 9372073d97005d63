#!/bin/bash
# Software: Serf v0.11.0 with memberlist v0.7.0 (Go modules).
#
# Expected: 600 small user events, sent at once between two members on one machine, arrive; or
#   UserEvent returns an error when it cannot keep up.
# Happens: UserEvent returns nil 600 times, 512 events arrive and 88 never do, at no time. The queue
#   is sent newest first, each event moves the receiver's clock on, and whatever is 512 or more
#   (EventBuffer) behind it is dropped as too old, the first ones sent. Serf logs a warning at the
#   receiver, nothing at the sender. So the loss begins with 513 events that are under way together,
#   whoever sends them, and it takes the oldest.
# Why it matters: a node that announces all its numbers when it starts, one event each, works with
#   500 numbers and loses some with 600, always those that it named first. Events are hints; state
#   belongs into a transfer.
# Source: Serf serf/config.go, EventBuffer (512); serf/serf.go, handleUserEvent(); memberlist
#   queue.go, where what was queued last and sent least goes first.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/main.go" <<'EOF'
package main

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/serf/serf"
)

const sent = 600

// logged counts the lines of a log that say that an event is too old.
type logged struct {
	mu sync.Mutex
	n  int
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n += bytes.Count(b, []byte("received old event"))
	return len(b), nil
}

func node(name, address string, l *logged, events chan serf.Event) *serf.Serf {
	c := serf.DefaultConfig()
	c.NodeName = name
	c.MemberlistConfig.BindAddr = address
	c.EventCh = events
	c.Logger = log.New(l, "", 0)
	c.MemberlistConfig.Logger = c.Logger
	s, err := serf.Create(c)
	if err != nil {
		panic(err)
	}
	return s
}

func wrong(a ...any) {
	fmt.Fprintln(os.Stderr, append([]any{"NOT AS STATED:"}, a...)...)
	os.Exit(1)
}

func main() {
	info, _ := debug.ReadBuildInfo()
	for _, d := range info.Deps {
		if d.Path == "github.com/hashicorp/serf" || d.Path == "github.com/hashicorp/memberlist" {
			fmt.Println("version:  ", d.Path, d.Version)
		}
	}
	fmt.Println("guess:     600 events arrive, if late")
	fmt.Println("behaviour: 512 do, the oldest never")

	events := make(chan serf.Event, 10*sent) // never full
	var atA, atB logged
	a := node("a", "127.0.0.11", &atA, nil)
	b := node("b", "127.0.0.12", &atB, events)
	if _, err := b.Join([]string{"127.0.0.11"}, false); err != nil {
		panic(err)
	}
	time.Sleep(time.Second)
	for i := range sent {
		if err := a.UserEvent("number", []byte(strconv.Itoa(i)), false); err != nil {
			wrong(err)
		}
	}
	begin, last := time.Now(), time.Duration(0)
	var got []int
	for end := time.After(50 * time.Second); ; { // a full state exchange at least
		select {
		case e := <-events:
			if e, ok := e.(serf.UserEvent); ok {
				n, _ := strconv.Atoi(string(e.Payload))
				got, last = append(got, n), time.Since(begin)
			}
			continue
		case <-end:
		}
		break
	}
	slices.Sort(got)
	var lost []int
	for i := range sent {
		if !slices.Contains(got, i) {
			lost = append(lost, i)
		}
	}
	fmt.Printf("seen:      %d UserEvent returned nil\n", sent)
	fmt.Printf("seen:      %d arrived, the last after %.1f s; 50 s later %d are lost\n", len(got), last.Seconds(), len(lost))
	fmt.Printf("seen:      the lost ones were sent as numbers %d to %d\n", lost[0], lost[len(lost)-1])
	fmt.Printf("seen:      warnings of the sender: %d; of the receiver: %d\n", atA.n, atB.n)
	if len(got) < 512 || len(lost) < 40 || lost[len(lost)-1] > 100 || atA.n != 0 || atB.n == 0 {
		wrong(len(got), "arrived,", lost)
	}
}
EOF
cd "$dir"
export GOFLAGS=-modcacherw GOMODCACHE="$dir/modules"
{
    go mod init finding
    go get github.com/hashicorp/serf@v0.11.0 github.com/hashicorp/memberlist@v0.7.0
    go build -o finding .
} >build.log 2>&1 || { cat build.log >&2; exit 1; }
# Loopback of an own network.
unshare --net --pid --fork --kill-child bash -c 'ip link set lo up && ./finding'
