package view

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/asterfed/asterfed/zone/record"
)

// networks are those that any node tells of. They are immutable.
type networks struct {
	all  map[netip.Prefix]bool
	bits [2][]int // lengths that there are of IPv4 and of IPv6, the longest first
}

func newNetworks(homes []*Home) *networks {
	n := &networks{all: map[netip.Prefix]bool{}}
	var lens [2]map[int]bool
	for i := range lens {
		lens[i] = map[int]bool{}
	}
	for _, h := range homes {
		if node := h.node.Load(); node != nil {
			for _, f := range node.Horizons {
				n.all[f.Net] = true
				lens[family(f.Net.Addr())][f.Net.Bits()] = true
			}
		}
	}
	if len(n.all) == 0 {
		return nil
	}
	for i := range lens {
		n.bits[i] = slices.Sorted(maps.Keys(lens[i]))
		slices.Reverse(n.bits[i])
	}
	return n
}

func family(a netip.Addr) int {
	if a.Is4() {
		return 0
	}
	return 1
}

// find returns the longest network that has a, the zero Client if none does.
func (n *networks) find(a netip.Addr) record.Client {
	for _, bits := range n.bits[family(a)] {
		if p, err := a.Prefix(bits); err == nil && n.all[p] {
			return record.Client{Net: p}
		}
	}
	return record.Client{}
}

// Client returns what the source address of a question comes to. A question from
// loopback is this machine's own: its Asterisk will send from this node's
// address, and so it gets what that is answered, unless a node tells of a
// loopback network. It costs one load as long as no node tells of any network.
// Safe for concurrent use.
func (v *View) Client(addr netip.Addr) record.Client {
	nets := v.nets.Load()
	if nets == nil {
		return record.Client{}
	}
	addr = addr.Unmap().WithZone("")
	a := nets.find(addr)
	if a == (record.Client{}) && addr.IsLoopback() && v.addr.IsValid() {
		a = nets.find(v.addr)
	}
	return a
}

// face keeps the networks level with what the nodes tell.
func (v *View) face() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.nets.Store(newNetworks(v.Homes()))
}
