#!/bin/bash
# Software: memberlist v0.7.0 (Go module; the layer below Serf and Consul), its LAN defaults.
#
# Expected: a member that is killed (kill -9) and started again by its service manager half a second
#   later gives the others a leave and a join: what they keep about it is then thrown away.
# Happens: no event at all, neither leave nor join nor update. The new process refutes the old one's
#   death before anybody has said it: it has the same name and address, and it answers the probe. A
#   process that has lost all its state is for the others the one they know. Where it stays dead,
#   the leave comes after some seconds, as expected.
# Why it matters: "Restart=always" in a unit file is the rule, and it makes every crash such a
#   restart. Whoever hangs clean-up (drop what that node has registered, ask it again) on the
#   failure event never runs it. Put a number that changes with each start into the node's tags or
#   metadata: then an update event comes.
# Source: memberlist state.go, aliveNode() and refute(); probeNode().
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/main.go" <<'EOF'
package main

import (
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

// events are what a member is told about the others; it is the metadata as well.
type events struct {
	mu   sync.Mutex
	seen []string
	meta []byte
}

func (e *events) add(what string, n *memberlist.Node) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if n.Name == "b" {
		e.seen = append(e.seen, what)
	}
}

func (e *events) NotifyJoin(n *memberlist.Node)   { e.add("join", n) }
func (e *events) NotifyLeave(n *memberlist.Node)  { e.add("leave", n) }
func (e *events) NotifyUpdate(n *memberlist.Node) { e.add("update", n) }

func (e *events) NodeMeta(int) []byte             { return e.meta }
func (e *events) NotifyMsg([]byte)                {}
func (e *events) GetBroadcasts(int, int) [][]byte { return nil }
func (e *events) LocalState(bool) []byte          { return nil }
func (e *events) MergeRemoteState([]byte, bool)   {}

func member(name, address string, e *events) *memberlist.Memberlist {
	c := memberlist.DefaultLANConfig()
	c.Name, c.BindAddr = name, address
	c.Events, c.Delegate = e, e
	c.Logger = log.New(io.Discard, "", 0)
	m, err := memberlist.Create(c)
	if err != nil {
		panic(err)
	}
	return m
}

var seen events

// expect prints the events since the last call and compares them.
func expect(when, want string) {
	seen.mu.Lock()
	defer seen.mu.Unlock()
	got := strings.Join(seen.seen, " ")
	seen.seen = nil
	fmt.Printf("seen:      %-46s events: %q\n", when, got)
	if got != want {
		fmt.Fprintf(os.Stderr, "NOT AS STATED: expected %q\n", want)
		os.Exit(1)
	}
}

// start runs this program as member b, with the metadata given.
func start(meta string) *exec.Cmd {
	c := exec.Command(os.Args[0], meta)
	if err := c.Start(); err != nil {
		panic(err)
	}
	return c
}

func kill(c *exec.Cmd) {
	c.Process.Kill() // SIGKILL
	c.Wait()
	time.Sleep(500 * time.Millisecond)
}

func main() {
	if len(os.Args) > 1 {
		m := member("b", "127.0.0.12", &events{meta: []byte(os.Args[1])})
		if _, err := m.Join([]string{"127.0.0.11"}); err != nil {
			panic(err)
		}
		select {}
	}
	info, _ := debug.ReadBuildInfo()
	for _, d := range info.Deps {
		if d.Path == "github.com/hashicorp/memberlist" {
			fmt.Println("version:  ", d.Path, d.Version)
		}
	}
	fmt.Println("guess:     a restart after kill -9 is a leave and a join")
	fmt.Println("behaviour: no event at all, if it takes half a second")
	member("a", "127.0.0.11", &seen)
	b := start("same")
	time.Sleep(3 * time.Second)
	expect("started", "join")
	kill(b)
	b = start("same")
	time.Sleep(20 * time.Second)
	expect("killed, started 0.5 s later, 20 s on", "")
	kill(b)
	b = start("other")
	time.Sleep(10 * time.Second)
	expect("again, with other metadata, 10 s on", "update")
	kill(b)
	time.Sleep(15 * time.Second)
	expect("killed for good, 15 s on", "leave")
}
EOF
cd "$dir"
export GOFLAGS=-modcacherw GOMODCACHE="$dir/modules"
{
    go mod init finding
    go get github.com/hashicorp/memberlist@v0.7.0
    go build -o finding .
} >build.log 2>&1 || { cat build.log >&2; exit 1; }
# Loopback of an own network.
unshare --net --pid --fork --kill-child bash -c 'ip link set lo up && ./finding'
