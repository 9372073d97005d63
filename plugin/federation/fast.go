package federation

import (
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/asterfed/asterfed/zone"
	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin/bufsize"
	"github.com/coredns/coredns/plugin/metrics"
	"github.com/miekg/dns"
)

// transparent are the plugins before this one that do nothing about a plain
// query for its zone and its answer, or whose work the fast path does too.
var transparent = []string{"any", "bufsize", "cache", "cancel", "chaos", "errors", "local", "loop", "metadata", "prometheus", "transfer"}

// fast says for one server block whether plain queries may be answered beside
// CoreDNS's chain of plugins: only where nobody can tell the difference.
type fast struct {
	off    bool // by the Corefile
	conf   *dnsserver.Config
	all    func() []*dnsserver.Config // of all server blocks, none if that is not known
	origin string
	view   *zone.View
}

// configs returns what finds the configurations of all server blocks, once all
// have been set up.
func configs(c *caddy.Controller, keys [][]string) func() []*dnsserver.Config {
	other := *c
	return func() (out []*dnsserver.Config) {
		for i := range keys {
			for k := range keys[i] {
				other := other
				other.ServerBlockIndex, other.ServerBlockKeyIndex = i, k
				out = append(out, dnsserver.GetConfig(&other))
			}
		}
		return out
	}
}

// obstacle says what keeps queries for the zone on the way through the chain at
// a server ("IP:PORT"), "" if nothing does.
func (f *fast) obstacle(addr string) string {
	if f.off {
		return "fast is off"
	}
	all := f.all()
	if len(all) == 0 {
		return "the server blocks are not known"
	}
	for _, c := range all {
		switch {
		case !listens(c, addr):
		case c.ProxyProtoConnPolicy != nil:
			return "askers come through a proxy"
		case c != f.conf && dns.IsSubDomain(f.origin, c.Zone):
			return fmt.Sprintf("another server block has %s", c.Zone)
		}
	}
	if len(f.conf.FilterFuncs) > 0 || f.conf.ViewName != "" {
		return "a view picks the queries"
	}
	for _, h := range f.conf.Handlers() {
		if m, ok := h.(*metrics.Metrics); ok && slices.ContainsFunc(m.ZoneNames(), f.within) {
			return "prometheus counts a part of the zone by itself"
		}
		if h.Name() == "federation" {
			return ""
		}
		if !slices.Contains(transparent, h.Name()) {
			return fmt.Sprintf("plugin %s must see every query", h.Name())
		}
	}
	return "federation is not in the chain"
}

// within reports whether a zone is below this one.
func (f *fast) within(zone string) bool {
	return zone != f.origin && dns.IsSubDomain(f.origin, zone)
}

// listens reports whether a server block is served on addr.
func listens(c *dnsserver.Config, addr string) bool {
	return c.Transport == "dns" && slices.ContainsFunc(c.ListenHosts, func(host string) bool {
		a, err := net.ResolveTCPAddr("tcp", net.JoinHostPort(host, c.Port))
		return err == nil && a.String() == addr
	})
}

// size is the payload size that the chain makes of what an asker offers.
func (f *fast) size() uint16 {
	if b, ok := f.conf.Handler("bufsize").(bufsize.Bufsize); ok {
		return uint16(b.Size)
	}
	return maxUDP
}

// address returns the "IP:PORT" of a server, and whether it speaks plain DNS.
func address(s *dnsserver.Server) (string, bool) { return strings.CutPrefix(s.Address(), "dns://") }
