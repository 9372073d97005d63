package fastpath

import (
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"

	"github.com/asterfed/asterfed/zone/answer"
	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin/bufsize"
	"github.com/coredns/coredns/plugin/metrics"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
)

// transparent are the plugins before this one that do nothing about a plain
// query for its zone and its answer, or whose work the fast path does too.
var transparent = []string{"any", "bufsize", "cache", "cancel", "chaos", "errors", "local", "loop", "metadata", "prometheus", "transfer"}

// Path is the fast path of one server block.
type Path struct {
	Off      bool                       // by the Corefile
	Conf     *dnsserver.Config          // the server block
	All      func() []*dnsserver.Config // those of all server blocks, none if that is not known
	Plugin   string                     // the plugin that answers for Origin
	Origin   string
	Zone     func() *answer.Zone // called when the server has started
	MaxUDP   uint16              // octets of an answer where the block has no bufsize
	Requests prometheus.Counter
	Logger   *slog.Logger
}

// Configs returns a function that finds the configurations of all server blocks,
// once all have been set up. keys are those of each block.
func Configs(c *caddy.Controller, keys [][]string) func() []*dnsserver.Config {
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

// Obstacle says what keeps queries for the zone in the chain of plugins at a server
// ("IP:PORT"), "" if nothing does.
func (p *Path) Obstacle(addr string) string {
	switch {
	case p.Off:
		return "fast is off"
	case len(p.All()) == 0:
		return "the server blocks are not known"
	case !p.beside(addr):
		return "clients come through a proxy"
	}
	for _, c := range p.All() {
		if listens(c, addr) && c != p.Conf && dns.IsSubDomain(p.Origin, c.Zone) {
			return fmt.Sprintf("another server block has %s", c.Zone)
		}
	}
	if len(p.Conf.FilterFuncs) > 0 || p.Conf.ViewName != "" {
		return "a view picks the queries"
	}
	for _, h := range p.Conf.Handlers() {
		if m, ok := h.(*metrics.Metrics); ok && slices.ContainsFunc(m.ZoneNames(), p.above) {
			return "prometheus counts a part of the zone by itself"
		}
		if h.Name() == p.Plugin {
			return ""
		}
		if !slices.Contains(transparent, h.Name()) {
			return fmt.Sprintf("plugin %s must see every query", h.Name())
		}
	}
	return p.Plugin + " is not in the chain"
}

// beside reports whether there may be sockets beside CoreDNS's at a server: not where
// its connections begin with what a proxy says of them.
func (p *Path) beside(addr string) bool {
	all := p.All()
	return !p.Off && len(all) > 0 && !slices.ContainsFunc(all, func(c *dnsserver.Config) bool {
		return listens(c, addr) && c.ProxyProtoConnPolicy != nil
	})
}

// above reports whether a zone is below this one.
func (p *Path) above(zone string) bool {
	return zone != p.Origin && dns.IsSubDomain(p.Origin, zone)
}

// listens reports whether a server block is served on addr.
func listens(c *dnsserver.Config, addr string) bool {
	return c.Transport == "dns" && slices.ContainsFunc(c.ListenHosts, func(host string) bool {
		a, err := net.ResolveTCPAddr("tcp", net.JoinHostPort(host, c.Port))
		return err == nil && a.String() == addr
	})
}

// size is the largest payload that the chain gives a client, whatever it offers.
func (p *Path) size() uint16 {
	if b, ok := p.Conf.Handler("bufsize").(bufsize.Bufsize); ok {
		return uint16(b.Size)
	}
	return p.MaxUDP
}

// address returns the "IP:PORT" of a server, and whether it speaks plain DNS.
func address(s *dnsserver.Server) (string, bool) { return strings.CutPrefix(s.Address(), "dns://") }
