package config

import (
	"net/netip"
	"strings"

	"github.com/asterfed/asterfed/zone/tsig"
)

func (p *parser) transfer(args []string) error {
	at, advertise, file, err := p.endpoint("transfer", args)
	if err != nil {
		return err
	}
	p.cfg.Transfer = at
	if advertise.IsValid() {
		p.cfg.Transfer = advertise
	}
	if file == "" {
		return nil
	}
	if err := p.secret(file); err != nil {
		return err
	}
	if p.cfg.Key, err = tsig.ReadKey(file); err != nil {
		return p.Errf("%v", err)
	}
	p.cfg.OwnKey = true
	return nil
}

// Secondary is one secondary line: name servers of others that follow the
// federation zone, and the key that they do it with.
type Secondary struct {
	Addrs []netip.AddrPort // that get NOTIFYs
	Key   *tsig.Key
	File  string
}

const secondarySyntax = "secondary [IP[:PORT]...] key FILE"

// secondary reads one line.
func (p *parser) secondary(args []string) error {
	addrs, rest, found := cut(args, "key")
	if !found || len(rest) != 1 {
		return p.Errf("secondary %q: want %s", strings.Join(args, " "), secondarySyntax)
	}
	s := Secondary{File: rest[0]}
	if err := p.secret(s.File); err != nil {
		return err
	}
	var err error
	if s.Key, err = tsig.ReadKey(s.File); err != nil {
		return p.Errf("%v", err)
	}
	for _, text := range addrs {
		at, err := netip.ParseAddrPort(text)
		if err != nil {
			a, aerr := netip.ParseAddr(text)
			at, err = netip.AddrPortFrom(a, 53), aerr
		}
		if err != nil || at.Port() == 0 || at.Addr().IsUnspecified() {
			return p.Errf("secondary %q: want %s", text, secondarySyntax)
		}
		s.Addrs = append(s.Addrs, netip.AddrPortFrom(at.Addr().Unmap(), at.Port()))
	}
	p.cfg.Secondaries = append(p.cfg.Secondaries, s)
	return nil
}

// TransferKey returns the key of that name if its holder may transfer the
// federation zone, else nil.
func (c *Config) TransferKey(name string) *tsig.Key {
	if c.Key != nil && name == c.Key.Name {
		return c.Key
	}
	for _, s := range c.Secondaries {
		if name == s.Key.Name {
			return s.Key
		}
	}
	return nil
}
