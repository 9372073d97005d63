package chaos

import (
	"fmt"
	"strings"
	"sync"
)

// network is an Ethernet switch to which all nodes are plugged. What it does
// not forward, it drops without a word: nobody sees a carrier go.
type network struct {
	sw *namespace

	mu   sync.Mutex
	cuts map[[2]int]int // from, to → how many faults cut it
	loss map[[2]int]int
}

// lossPercent is what a lossy link drops.
const lossPercent = 15

var switchRules = fmt.Sprintf(`table bridge chaos {
	set cut { type ifname . ifname; }
	set loss { type ifname . ifname; }
	chain forward {
		type filter hook forward priority 0;
		iifname . oifname @cut drop
		iifname . oifname @loss numgen random mod 100 < %d drop
	}
}
`, lossPercent)

func newNetwork(name string) (*network, error) {
	sw, err := newNamespace(name)
	if err != nil {
		return nil, err
	}
	n := &network{sw: sw, cuts: map[[2]int]int{}, loss: map[[2]int]int{}}
	for _, f := range []func() error{
		func() error { return ip("-n", name, "link", "add", "br0", "type", "bridge") },
		func() error { return ip("-n", name, "link", "set", "br0", "up") },
		func() error { return n.nft(switchRules) },
	} {
		if err := f(); err != nil {
			sw.close()
			return nil, err
		}
	}
	return n, nil
}

// nft loads rules into the switch.
func (n *network) nft(rules string) error {
	return n.sw.do(func() error { return run(rules, "nft", "-f", "-") })
}

func port(node int) string { return fmt.Sprintf("port%d", node) }

// plug connects the namespace of a node, numbered from 0.
func (n *network) plug(ns *namespace, node int) error {
	for _, args := range [][]string{
		{"-n", n.sw.name, "link", "add", port(node), "type", "veth", "peer", "name", "eth0", "netns", ns.name},
		{"-n", n.sw.name, "link", "set", port(node), "master", "br0", "up"},
		{"-n", ns.name, "addr", "add", address(node) + "/24", "dev", "eth0"},
		{"-n", ns.name, "link", "set", "eth0", "up"},
	} {
		if err := ip(args...); err != nil {
			return err
		}
	}
	return nil
}

// change adds (or, with by = -1, removes) a fault to directed links and loads
// the switch with what then holds.
func (n *network) change(of map[[2]int]int, links [][2]int, by int) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, l := range links {
		if of[l] += by; of[l] == 0 {
			delete(of, l)
		}
	}
	var b strings.Builder
	for name, set := range map[string]map[[2]int]int{"cut": n.cuts, "loss": n.loss} {
		fmt.Fprintf(&b, "flush set bridge chaos %s\n", name)
		for l := range set {
			fmt.Fprintf(&b, "add element bridge chaos %s { %q . %q }\n", name, port(l[0]), port(l[1]))
		}
	}
	return n.nft(b.String())
}

// What a slow link lets through in a second each way, and how long a packet
// may wait there before it is dropped.
const (
	slowRate = "256kbit"
	slowWait = "400ms"
)

// slow makes the link of a node slow, both ways, or as fast as before.
func (n *network) slow(ns *namespace, node int, on bool) error {
	for in, dev := range map[string]string{ns.name: "eth0", n.sw.name: port(node)} {
		args := []string{"-n", in, "qdisc", "del", "dev", dev, "root"}
		if on {
			args = []string{"-n", in, "qdisc", "add", "dev", dev, "root", "tbf", "rate", slowRate, "burst", "4kb", "latency", slowWait}
		}
		if err := run("", "tc", args...); err != nil {
			return err
		}
	}
	return nil
}

// between returns the links between every two groups, both ways.
func between(groups ...[]int) (out [][2]int) {
	for i, g := range groups {
		for j, h := range groups {
			if i == j {
				continue
			}
			for _, a := range g {
				for _, b := range h {
					out = append(out, [2]int{a, b})
				}
			}
		}
	}
	return out
}

// from returns the links from one node to all the others of n.
func from(node, n int) (out [][2]int) {
	for i := range n {
		if i != node {
			out = append(out, [2]int{node, i})
		}
	}
	return out
}
