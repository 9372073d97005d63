package federation

import (
	"log/slog"
	"net"
	"net/netip"
	"slices"
)

// warnPlainAMI warns of an AMI on another host: AMI has no encryption here, and
// whoever sees the packets sees the secret and all that Asterisk tells.
func warnPlainAMI(log *slog.Logger, c *Config) {
	host, _, err := net.SplitHostPort(c.Asterisk.Addr)
	if err != nil || c.ownHost(host) {
		return
	}
	log.Warn("AMI on another host is not encrypted: run asterfed on the host of its Asterisk, or use a tunnel", "asterisk", c.Asterisk.Addr)
}

// ownHost reports whether a host is this machine: loopback, or an address of this node.
func (c *Config) ownHost(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && (a.Unmap().IsLoopback() || slices.Contains(c.Listen, a.Unmap()))
}
