package record

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Horizon is what a node tells the clients of one network in the place of what it
// tells everybody: the addresses and ports that lead to its Asterisk from
// there. What is empty is as for the next wider network, and last as for
// everybody.
type Horizon struct {
	Net   netip.Prefix // with no bit set behind its length
	Addrs []netip.Addr
	SIP   []Transport
	IAX   uint16
}

// MaxHorizons bounds the networks of a node.
const MaxHorizons = 16

// CheckNet reports whether p can be the network of a horizon.
func CheckNet(p netip.Prefix) error {
	if !p.IsValid() || p.Addr().Is4In6() || p != p.Masked() {
		return fmt.Errorf("network %q: want ADDRESS/BITS, with no bit set behind the first BITS", p)
	}
	return nil
}

// Horizon returns what the node tells one network, made if it is new, nil if
// there would be too many of them. It is valid until the next call.
func (n *Node) Horizon(net netip.Prefix) *Horizon {
	i, ok := slices.BinarySearchFunc(n.Horizons, net, func(f Horizon, p netip.Prefix) int { return compareNets(f.Net, p) })
	if !ok {
		if len(n.Horizons) == MaxHorizons {
			return nil
		}
		n.Horizons = slices.Insert(n.Horizons, i, Horizon{Net: net})
	}
	return &n.Horizons[i]
}

// compareNets sorts the longest networks first.
func compareNets(a, b netip.Prefix) int {
	return cmp.Or(cmp.Compare(b.Bits(), a.Bits()), a.Addr().Compare(b.Addr()))
}

// For returns the node as a client sees it: with the addresses and the ports of
// the longest network of the client that has any of its own.
func (n Node) For(a Client) Node {
	out := n
	out.Horizons = nil
	addrs, sip, iax := false, false, false
	for _, f := range n.Horizons {
		if !a.within(f.Net) {
			continue
		}
		if !addrs && len(f.Addrs) > 0 {
			out.Addrs, addrs = f.Addrs, true
		}
		if !sip && len(f.SIP) > 0 {
			out.SIP, sip = f.SIP, true
		}
		if !iax && f.IAX != 0 {
			out.IAX, iax = f.IAX, true
		}
	}
	return out
}

// strings returns the horizon as character-strings of the apex TXT: the keys of
// the node itself, with the network behind "@".
func (f Horizon) strings(out []string) []string {
	at := "@" + f.Net.String() + "="
	for _, a := range f.Addrs {
		out = append(out, "a"+at+a.String())
	}
	for _, t := range f.SIP {
		out = append(out, "sip"+at+t.String())
	}
	if f.IAX != 0 {
		out = append(out, "iax"+at+strconv.Itoa(int(f.IAX)))
	}
	return out
}

// setHorizon takes a string whose key has a network. Keys that it does not know
// are ignored.
func (n *Node) setHorizon(key, val string) error {
	key, net, _ := strings.Cut(key, "@")
	if key != "a" && key != "sip" && key != "iax" {
		return nil
	}
	p, err := netip.ParsePrefix(net)
	if err == nil {
		err = CheckNet(p)
	}
	if err != nil {
		return err
	}
	f := n.Horizon(p)
	if f == nil {
		return fmt.Errorf("more than %d networks", MaxHorizons)
	}
	switch key {
	case "a":
		f.Addrs, err = addAddr(f.Addrs, val)
	case "sip":
		f.SIP, err = addTransport(f.SIP, val)
	case "iax":
		f.IAX, err = parsePort(val)
	}
	return err
}
