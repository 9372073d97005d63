package federation

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/asterfed/asterfed/plugin/federation/config"
	"github.com/asterfed/asterfed/plugin/federation/fastpath"
	"github.com/asterfed/asterfed/serf"
	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/peer"
	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/pkg/transport"
	"github.com/miekg/dns"
)

func init() {
	plugin.Register("federation", setup)
	dns.DefaultMsgAcceptFunc = peer.Accept // CoreDNS's servers ask it, and have no other say
}

// setup reads the block and opens nothing.
func setup(c *caddy.Controller) error {
	conf := dnsserver.GetConfig(c)
	cfg, err := config.Parse(c, conf.Port)
	if err != nil {
		return plugin.Error("federation", err)
	}
	if err := serf.Check(cfg.Serf()); err != nil {
		return plugin.Error("federation", c.Err(err.Error()))
	}
	if err := checkTransports(slices.Concat(Default.Blocks, [][]string{c.ServerBlockKeys})); err != nil {
		return plugin.Error("federation", c.Err(err.Error()))
	}
	r, err := Default.claim(cfg, loadOf(c))
	if err != nil {
		return plugin.Error("federation", c.Err(err.Error()))
	}
	if conf.TsigSecret == nil {
		conf.TsigSecret = map[string]string{}
	}
	conf.TsigSecret[cfg.Key.Name] = cfg.Key.Secret
	for _, u := range cfg.Updates {
		conf.TsigSecret[u.Key.Name] = u.Key.Secret
	}
	for _, s := range cfg.Secondaries {
		conf.TsigSecret[s.Key.Name] = s.Key.Secret
	}
	conf.AllowOpcode(dns.OpcodeUpdate) // also without a key for it: REFUSED is clearer than NOTIMP
	listen(c, len(Default.Blocks), cfg)
	c.OnStartup(func() error { return Default.start(r) })
	d := newShared(cfg, r.log)
	conf.AddPlugin(func(next plugin.Handler) plugin.Handler {
		return &Federation{Next: next, origin: cfg.Origin, authority: r, shared: d}
	})
	standInFront(conf, cfg.Origin)
	path := fastpath.Path{Off: !cfg.Fast, Conf: conf, All: fastpath.Configs(c, Default.Blocks), Plugin: "federation", Origin: cfg.Origin,
		Zone: func() *answer.Zone { return r.zone }, MaxUDP: maxUDP, Requests: d.requests, Logger: r.log}
	path.Open(c)
	return nil
}

// hosts are the addresses on which DNS listens without a bind: those of the node, for
// other nodes, and loopback, for this machine's own programs; that of IPv6 where the
// node has an IPv6 address and the machine has ::1.
func hosts(own []netip.Addr, loopback6 bool) []string {
	out := []string{"127.0.0.1"}
	add := func(s string) {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	for _, a := range own {
		if add(a.String()); a.Is6() && loopback6 {
			add("::1")
		}
	}
	return out
}

// hasLoopback6 reports whether this machine has ::1.
func hasLoopback6() bool {
	addrs, _ := net.InterfaceAddrs()
	return slices.ContainsFunc(addrs, func(a net.Addr) bool {
		n, ok := a.(*net.IPNet)
		return ok && n.IP.Equal(net.IPv6loopback)
	})
}

// listen keeps every server block that has no bind of its own off the
// wildcard address, where systemd-resolved or another server may sit.
func listen(c *caddy.Controller, blocks int, cfg *config.Config) {
	at := hosts(cfg.Listen, hasLoopback6())
	for i := range max(blocks, c.ServerBlockIndex+1) {
		if blocks == 0 && i != c.ServerBlockIndex {
			continue
		}
		other := *c
		other.ServerBlockIndex, other.ServerBlockKeyIndex = i, 0
		if conf := dnsserver.GetConfig(&other); len(conf.ListenHosts) == 1 && conf.ListenHosts[0] == "" {
			conf.ListenHosts = at
		}
	}
}

// checkTransports refuses server blocks that CoreDNS would serve in plain text
// although their keys promise encryption: this build has no plugin tls.
func checkTransports(blocks [][]string) error {
	for _, keys := range blocks {
		for _, key := range keys {
			// CoreDNS takes a scheme that it does not know, TLS in capitals included, for a part of the name.
			if scheme, _, ok := strings.Cut(key, "://"); ok && scheme != transport.DNS {
				return fmt.Errorf("server block %s: %s:// is not served encrypted by this build: serve plain DNS (without %[2]s://), and let a TLS proxy such as dnsdist or stunnel stand before it", key, scheme)
			}
		}
	}
	return nil
}
