package record

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/asterfed/asterfed/zone/location"
)

// Node is what a node says about itself at the apex of its home zone.
type Node struct {
	Name string
	// Addrs are the addresses that other servers reach its Asterisk at.
	Addrs []netip.Addr
	// SIP lists the transports that its Asterisk listens on for SIP.
	SIP []Transport
	// IAX is the UDP port for IAX2, zero if it speaks none.
	IAX uint16
	// Horizons are what it tells some networks instead, the longest first.
	Horizons []Horizon
	Region   string
	Asterisk string // version, "" while unknown
	State    NodeState
}

// Transport is a SIP transport (RFC 3261 §18) with its port.
type Transport struct {
	Proto string // "udp", "tcp" or "tls"
	Port  uint16
}

func (t Transport) String() string { return t.Proto + ":" + strconv.Itoa(int(t.Port)) }

// ParseTransport reads "udp:5060".
func ParseTransport(s string) (Transport, error) {
	proto, port, ok := strings.Cut(s, ":")
	n, err := strconv.ParseUint(port, 10, 16)
	if !ok || err != nil || n == 0 || proto != "udp" && proto != "tcp" && proto != "tls" {
		return Transport{}, fmt.Errorf("SIP transport %q: want udp:PORT, tcp:PORT or tls:PORT", s)
	}
	return Transport{proto, uint16(n)}, nil
}

// NodeState is a node's own word on whether calls can go there.
type NodeState string

// The states that a node can be in by its own word.
const (
	Up       NodeState = "up"       // Asterisk answers
	Down     NodeState = "down"     // Asterisk is gone, asterfed is alive
	Draining NodeState = "draining" // takes calls, but only if no other home does
)

// Equal reports whether two nodes would publish the same record.
func (n Node) Equal(o Node) bool {
	return strings.Join(n.Strings(), "\x00") == strings.Join(o.Strings(), "\x00")
}

// Strings returns the node as the character-strings of its apex TXT.
func (n Node) Strings() []string {
	out := []string{TXTVersion}
	for _, a := range n.Addrs {
		out = append(out, "a="+a.String())
	}
	for _, t := range n.SIP {
		out = append(out, "sip="+t.String())
	}
	if n.IAX != 0 {
		out = append(out, "iax="+strconv.Itoa(int(n.IAX)))
	}
	for _, f := range n.Horizons {
		out = f.strings(out)
	}
	if n.Region != "" {
		out = append(out, "region="+n.Region)
	}
	if n.Asterisk != "" {
		out = append(out, "asterisk="+n.Asterisk)
	}
	return append(out, "state="+string(n.State))
}

// MaxAddrs bounds the addresses of a node: they stand in the additional section
// of every answer that names it. MaxTransports bounds its SIP transports.
const (
	MaxAddrs      = 8
	MaxTransports = 8
)

func addAddr(list []netip.Addr, s string) ([]netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	switch {
	case err != nil:
		return list, err
	case a.IsUnspecified() || a.Zone() != "":
		return list, fmt.Errorf("address %s leads nowhere", a)
	case len(list) == MaxAddrs:
		return list, fmt.Errorf("more than %d addresses", MaxAddrs)
	}
	return append(list, a.Unmap()), nil
}

func addTransport(list []Transport, s string) ([]Transport, error) {
	t, err := ParseTransport(s)
	if err == nil && len(list) == MaxTransports {
		err = fmt.Errorf("more than %d transports", MaxTransports)
	}
	if err != nil {
		return list, err
	}
	return append(list, t), nil
}

func parsePort(s string) (uint16, error) {
	p, err := strconv.ParseUint(s, 10, 16)
	return uint16(p), err
}

// ParseNode is the reverse of Node.Strings. Unknown keys are ignored. An error with ok
// says that the node lacks a value that must not be published.
func ParseNode(name string, txt []string) (n Node, ok bool, err error) {
	n = Node{Name: name, State: Up}
	if err := checkVersion(txt); err != nil {
		return n, false, err
	}
	for _, s := range txt {
		key, val, _ := strings.Cut(s, "=")
		var err error
		switch key {
		case "a":
			n.Addrs, err = addAddr(n.Addrs, val)
		case "sip":
			n.SIP, err = addTransport(n.SIP, val)
		case "iax":
			n.IAX, err = parsePort(val)
		case "region":
			n.Region = val
		case "asterisk":
			n.Asterisk = val
		case "state":
			n.State = NodeState(val)
		default:
			err = n.setHorizon(key, val)
		}
		if err != nil {
			return n, false, fmt.Errorf("parse node %s: %q: %w", name, s, err)
		}
	}
	n.LeaveOut(func(_ string, bad error) {
		if err == nil {
			err = fmt.Errorf("parse node %s: %w", name, bad)
		}
	})
	return n, true, err
}

// CheckNodeName reports whether s can be a node's name: one label of letters,
// digits and hyphens (RFC 1123 §2.1), since SIP hosts are made of it.
func CheckNodeName(s string) error {
	ok := len(s) > 0 && len(s) <= 40 && s[0] != '-' && s[len(s)-1] != '-'
	for i := 0; i < len(s); i++ {
		c := s[i]
		ok = ok && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-')
	}
	if !ok {
		return fmt.Errorf("node name %q: want 1 to 40 of a-z, 0-9 and inner hyphens", s)
	}
	return nil
}

// LeaveOut removes the values that cannot stand in the node's record, and calls
// f with the key of each. The state of a node that tells none that can be read
// is up.
func (n *Node) LeaveOut(f func(key string, err error)) {
	check := func(key string, val *string) {
		if err := location.CheckWord(key, *val); err != nil {
			*val = ""
			f(key, err)
		}
	}
	check("region", &n.Region)
	check("asterisk", &n.Asterisk)
	err := location.CheckWord("state", string(n.State))
	if err == nil && strings.Contains(string(n.State), "=") {
		err = fmt.Errorf("state=%s: want one word without an equals sign", n.State)
	}
	if err != nil {
		n.State = Up
		f("state", err)
	}
}
