package lab

import "fmt"

// Router is a router with NAT: a switch of its own inside, and a cable to the
// laboratory's switch, which is the world outside.
type Router struct {
	// Inside and Outside are its addresses.
	Inside, Outside string

	lab *Lab
	ns  *namespace
}

// AddRouter sets up a router that forwards as the file of nftables rules says.
// Its port outside is eth0, the one inside br0.
func (l *Lab) AddRouter(outside, inside, rules string) (*Router, error) {
	name := l.prefix + "nat"
	if err := addSwitch(name); err != nil {
		return nil, err
	}
	r := &Router{Inside: inside, Outside: outside, lab: l, ns: &namespace{name: name, port: "nat", sw: l.prefix + "sw"}}
	for _, args := range [][]string{
		{"-n", r.ns.sw, "link", "add", r.ns.port, "type", "veth", "peer", "name", "eth0", "netns", name},
		{"-n", r.ns.sw, "link", "set", r.ns.port, "master", "br0", "up"},
		{"-n", name, "link", "set", "lo", "up"},
		{"-n", name, "link", "set", "eth0", "up"},
		{"-n", name, "addr", "add", outside + "/24", "dev", "eth0"},
		{"-n", name, "addr", "add", inside + "/24", "dev", "br0"},
		{"netns", "exec", name, "sysctl", "-qw", "net.ipv4.ip_forward=1"},
		{"netns", "exec", name, "nft", "-f", rules},
	} {
		if _, err := run("ip", args...); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// AddNode is Lab.AddNode for a node inside. Phones, which are outside, reach
// its Asterisk at a port of the router.
func (r *Router) AddNode(name, address, version, folder string, phones int) (*Node, error) {
	n, err := r.lab.addNode(r.ns.name, name, address, version, folder)
	if err != nil {
		return nil, err
	}
	n.phones = fmt.Sprintf("%s:%d", r.Outside, phones)
	_, err = run("ip", "-n", n.ns.name, "route", "add", "default", "via", r.Inside)
	return n, err
}
