package config

import (
	"fmt"
	"net/netip"
	"path/filepath"
)

// CheckDistinct refuses two federations of one process that need the same directory
// or port.
func CheckDistinct(a, b *Config) error {
	conflict := func(what, value string) error {
		return fmt.Errorf("federations %s and %s have the same %s %s: give each its own", b.Origin, a.Origin, what, value)
	}
	if filepath.Clean(a.Data) == filepath.Clean(b.Data) {
		return conflict("data", a.Data)
	}
	ports := func(c *Config) map[string]netip.AddrPort {
		out := map[string]netip.AddrPort{"gossip": c.Gossip}
		if rpc, err := netip.ParseAddrPort(c.RPC); err == nil {
			out["rpc"] = rpc
		}
		return out
	}
	for _, what := range []string{"gossip", "rpc"} {
		for _, other := range []string{"gossip", "rpc"} {
			x, y := ports(a)[what], ports(b)[other]
			if !samePort(x, y) {
				continue
			}
			if what == other {
				return conflict(what, x.String())
			}
			return fmt.Errorf("%s %s of federation %s is %s of %s: give each its own port", other, y, b.Origin, what, a.Origin)
		}
	}
	return nil
}

// samePort reports whether two listeners would want the same port of an address.
func samePort(a, b netip.AddrPort) bool {
	return a.IsValid() && b.IsValid() && a.Port() == b.Port() &&
		(a.Addr() == b.Addr() || a.Addr().IsUnspecified() || b.Addr().IsUnspecified())
}
