package node

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
)

// dialFrom connects to another node from the address from, at which that one reaches this
// node: by it, it knows whose NOTIFY it is. Where the machine has no such
// address, or cannot use it on the way there, the system chooses.
func dialFrom(ctx context.Context, from netip.Addr, network, addr string) (net.Conn, error) {
	if to, err := netip.ParseAddrPort(addr); err == nil && from.IsValid() && from.Is4() == to.Addr().Is4() {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: from.AsSlice(), Zone: from.Zone()}}
		conn, err := d.DialContext(ctx, network, addr)
		if !errors.Is(err, syscall.EADDRNOTAVAIL) && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENETUNREACH) {
			return conn, err
		}
	}
	return new(net.Dialer).DialContext(ctx, network, addr)
}
