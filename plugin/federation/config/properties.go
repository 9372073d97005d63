package config

import (
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/record"
)

func (p *parser) one(args []string, want string) (string, error) {
	if len(args) != 1 {
		return "", p.Errf("got %q: want %s", strings.Join(args, " "), want)
	}
	return args[0], nil
}

func (p *parser) node(args []string) (err error) {
	if p.cfg.Node, err = p.one(args, "one node name"); err != nil {
		return err
	}
	if err := record.CheckNodeName(p.cfg.Node); err != nil {
		return p.Errf("%v", err)
	}
	return nil
}

func cut(args []string, word string) (before, after []string, found bool) {
	for i, a := range args {
		if a == word {
			return args[:i], args[i+1:], true
		}
	}
	return args, nil, false
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9._-]{1,63}$`)

func (p *parser) region(args []string) (err error) {
	p.cfg.Region, err = p.one(args, "one word")
	if err == nil && !plainWord.MatchString(p.cfg.Region) {
		return p.Errf("region %q: want up to 63 of letters, digits and . _ -", p.cfg.Region)
	}
	return err
}

func (p *parser) addrPort(s, what string) (netip.AddrPort, error) {
	a, err := netip.ParseAddrPort(s)
	if err != nil || a.Port() == 0 {
		return a, p.Errf("%s %q: want IP:PORT", what, s)
	}
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()), nil
}

func (p *parser) hostPort(s, what string) (string, error) {
	host, port, err := net.SplitHostPort(s)
	if n, perr := strconv.ParseUint(port, 10, 16); err != nil || perr != nil || n == 0 || host == "" {
		return "", p.Errf("%s %q: want HOST:PORT", what, s)
	}
	return s, nil
}

func (p *parser) data(args []string) (err error) {
	p.cfg.Data, err = p.one(args, "one directory")
	return err
}

func (p *parser) ttl(args []string) error {
	s, err := p.one(args, "a duration such as 5s")
	if err != nil {
		return err
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < time.Second || d > time.Minute || d%time.Second != 0 {
		return p.Errf("ttl %q: want whole seconds from 1s to 1m (5s is the default)", s)
	}
	p.cfg.TTL = d
	return nil
}

func (p *parser) order(args []string) error {
	s, err := p.one(args, "newest, nearest or all")
	if err != nil {
		return err
	}
	switch o := answer.Order(s); o {
	case answer.Newest, answer.Nearest, answer.All:
		p.cfg.Order = o
		return nil
	}
	return p.Errf("order %q: want newest, nearest or all", s)
}

func (p *parser) fast(args []string) error {
	if len(args) != 1 || args[0] != "on" && args[0] != "off" {
		return p.Errf("fast: want on or off")
	}
	p.cfg.Fast = args[0] == "on"
	return nil
}

// ways reads "cost health distance" in the order that counts.
func (p *parser) ways(args []string) error {
	for _, a := range args {
		p.cfg.Selection = append(p.cfg.Selection, answer.Criterion(a))
	}
	if err := answer.CheckSelection(p.cfg.Selection); err != nil {
		return p.Errf("ways: %v", err)
	}
	return nil
}
