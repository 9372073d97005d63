package config

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/asterfed/asterfed/zone/record"
)

// split reads a line "VALUE... [advertise VALUE...]", which may stand once, or
// "VALUE... for NETWORK...".
func (p *parser) split(word string, args []string) (own, advertise []string, nets []netip.Prefix, err error) {
	own, list, found := cut(args, "for")
	if !found {
		own, advertise, found = cut(args, "advertise")
		switch {
		case p.given[word]:
			return nil, nil, nil, p.Errf("property %q is given twice without \"for\"", word)
		case len(own) == 0 || found && len(advertise) == 0:
			return nil, nil, nil, p.Errf("%s %q: want VALUE... [advertise VALUE...] or VALUE... for NETWORK...", word, strings.Join(args, " "))
		}
		p.given[word] = true
		return own, advertise, nil, nil
	}
	if len(own) == 0 || len(list) == 0 || slices.Contains(own, "advertise") {
		return nil, nil, nil, p.Errf("%s %q: want VALUE... for NETWORK...", word, strings.Join(args, " "))
	}
	for _, s := range list {
		n, err := netip.ParsePrefix(s)
		if err == nil {
			err = record.CheckNet(n)
		}
		if err != nil {
			return nil, nil, nil, p.Errf("%s: %v", word, err)
		}
		nets = append(nets, n)
	}
	return own, nil, nets, nil
}

// horizons calls set with what each network gets; set reports whether it was empty.
func (p *parser) horizons(word string, nets []netip.Prefix, set func(*record.Horizon) bool) error {
	n := record.Node{Horizons: p.cfg.Horizons}
	for _, at := range nets {
		f := n.Horizon(at)
		if f == nil {
			return p.Errf("%s for %s: want at most %d networks in all", word, at, record.MaxHorizons)
		}
		if !set(f) {
			return p.Errf("%s for %s is given twice", word, at)
		}
	}
	p.cfg.Horizons = n.Horizons
	return nil
}

func (p *parser) address(args []string) error {
	own, adv, nets, err := p.split("address", args)
	if err != nil {
		return err
	}
	addrs, err := p.addrs(own)
	if err != nil {
		return err
	}
	if nets != nil {
		return p.horizons("address", nets, func(f *record.Horizon) bool {
			was := f.Addrs
			f.Addrs = addrs
			return was == nil
		})
	}
	p.cfg.Listen, p.cfg.Addrs = addrs, addrs
	if adv != nil {
		p.cfg.Addrs, err = p.addrs(adv)
	}
	return err
}

func (p *parser) addrs(args []string) ([]netip.Addr, error) {
	var out []netip.Addr
	for _, s := range args {
		a, err := netip.ParseAddr(s)
		if err != nil || a.IsUnspecified() || a.Zone() != "" {
			return nil, p.Errf("address %q: want an IPv4 or IPv6 address", s)
		}
		out = append(out, a.Unmap())
	}
	if len(out) > record.MaxAddrs {
		return nil, p.Errf("address: %d addresses, want %d at most", len(out), record.MaxAddrs)
	}
	return out, nil
}

func (p *parser) sip(args []string) error {
	own, adv, nets, err := p.split("sip", args)
	if err != nil {
		return err
	}
	list, err := p.transports(own)
	if err != nil {
		return err
	}
	if nets != nil {
		return p.horizons("sip", nets, func(f *record.Horizon) bool {
			was := f.SIP
			f.SIP = list
			return was == nil
		})
	}
	p.cfg.OwnSIP, p.cfg.SIP = list, list
	if adv != nil {
		p.cfg.SIP, err = p.transports(adv)
	}
	return err
}

func (p *parser) transports(args []string) ([]record.Transport, error) {
	var out []record.Transport
	for _, s := range args {
		t, err := record.ParseTransport(s)
		if err != nil {
			return nil, p.Errf("%v", err)
		}
		out = append(out, t)
	}
	if len(out) > record.MaxTransports {
		return nil, p.Errf("sip: %d transports, want %d at most", len(out), record.MaxTransports)
	}
	return out, nil
}

func (p *parser) iax(args []string) error {
	own, adv, nets, err := p.split("iax", args)
	if err != nil {
		return err
	}
	port, err := p.iaxPort(own)
	if err != nil {
		return err
	}
	if nets != nil {
		return p.horizons("iax", nets, func(f *record.Horizon) bool {
			was := f.IAX
			f.IAX = port
			return was == 0
		})
	}
	p.ownIAX, p.cfg.IAX = port, port
	if adv != nil {
		p.cfg.IAX, err = p.iaxPort(adv)
	}
	return err
}

func (p *parser) iaxPort(args []string) (uint16, error) {
	s, err := p.one(args, "a UDP port, 4569")
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 {
		return 0, p.Errf("iax %q: want a UDP port, 4569", s)
	}
	return uint16(n), nil
}

// ownPorts gives networks that have addresses of their own the ports before
// "advertise", where no line says which: what is advertised goes with the
// addresses that are.
func (p *parser) ownPorts() {
	c := p.cfg
	given := slices.Clone(c.Horizons)
	named := func(net netip.Prefix, has func(record.Horizon) bool) bool {
		return slices.ContainsFunc(given, func(f record.Horizon) bool {
			return has(f) && f.Net.Bits() <= net.Bits() && f.Net.Contains(net.Addr())
		})
	}
	for i := range c.Horizons {
		f := &c.Horizons[i]
		if f.Addrs == nil {
			continue
		}
		if !slices.Equal(c.OwnSIP, c.SIP) && !named(f.Net, func(f record.Horizon) bool { return f.SIP != nil }) {
			f.SIP = c.OwnSIP
		}
		if p.ownIAX != c.IAX && !named(f.Net, func(f record.Horizon) bool { return f.IAX != 0 }) {
			f.IAX = p.ownIAX
		}
	}
}
