#!/bin/bash
# Software: Serf v0.11.0 with memberlist v0.7.0 (Go modules).
#
# Expected: with UserEventSizeLimit raised to its maximum of 9,216 octets, an event of 2,000 octets
#   either travels like one of 100, or UserEvent returns an error.
# Happens: UserEvent returns nil, and the event is never gossiped: gossip packets are 1,400 octets
#   (memberlist's UDPBufferSize), an event that fits into none is passed over, and it stays in the
#   queue. The others get it only with the next full state exchange, half a minute or more later,
#   while events that were sent after it have long arrived. The limit is near 1,370 octets of
#   payload with a name of five letters, and no constant of Serf says so.
# Why it matters: a federation that tells its members something by event (here is a new prefix, a
#   node is being drained) works in tests with small events and is half a minute late with one that
#   lists a few more names. Keep name and payload below 1,300 octets, or raise UDPBufferSize on all.
# Source: Serf serf/config.go, UserEventSizeLimit; memberlist queue.go, GetBroadcasts(), which
#   passes over what is larger than the room left, and state.go, gossip().
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/main.go" <<'EOF'
package main

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"os"
	"runtime/debug"
	"time"

	"github.com/hashicorp/serf/serf"
)

func node(name, address string, events chan serf.Event) *serf.Serf {
	c := serf.DefaultConfig()
	c.NodeName = name
	c.MemberlistConfig.BindAddr = address
	c.UserEventSizeLimit = serf.UserEventSizeLimit
	c.EventCh = events
	c.Logger = log.New(io.Discard, "", 0)
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
	fmt.Println("guess:     an event of 2,000 octets arrives, or is refused")
	fmt.Println("behaviour: it is taken, stays in the queue, and arrives with the next full state exchange only")

	events := make(chan serf.Event, 100)
	a := node("a", "127.0.0.11", nil)
	b := node("b", "127.0.0.12", events)
	if _, err := b.Join([]string{"127.0.0.11"}, false); err != nil {
		panic(err)
	}
	time.Sleep(time.Second)
	begin := time.Now()
	for _, size := range []int{2000, 1300, 1400, 100} {
		err := a.UserEvent("event", bytes.Repeat([]byte("x"), size), false)
		fmt.Printf("seen:      UserEvent of %d octets: %v\n", size, err)
		if err != nil {
			wrong(err)
		}
	}
	at := map[int]time.Duration{}
	queue := ""
	for end := time.After(100 * time.Second); len(at) < 4; {
		select {
		case e := <-events:
			if e, ok := e.(serf.UserEvent); ok {
				at[len(e.Payload)] = time.Since(begin)
				fmt.Printf("seen:      %d octets arrive after %.1f s\n", len(e.Payload), at[len(e.Payload)].Seconds())
			}
		case <-time.After(5 * time.Second):
			if queue == "" {
				queue = a.Stats()["event_queue"]
				fmt.Printf("seen:      5 s later the sender's queue has %s events\n", queue)
			}
		case <-end:
			wrong("not all have arrived:", at)
		}
	}
	if at[100] > 3*time.Second || at[1300] > 3*time.Second || at[1400] < 5*time.Second || at[2000] < 5*time.Second || queue != "2" {
		wrong("times and queue are", at, queue)
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
