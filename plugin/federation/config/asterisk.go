package config

import (
	"net"
	"net/netip"
	"os"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/asterfed/asterfed/plugin/federation/ami/pbx"
	"github.com/asterfed/asterfed/plugin/federation/directory"
	"github.com/asterfed/asterfed/plugin/federation/trunk"
)

// services returns what reads patterns of names of a class.
func services(property string, c pbx.Class) func(*parser, []string) error {
	return func(p *parser, args []string) (err error) {
		p.cfg.Services[c], err = p.patterns(property, args, p.cfg.Services[c])
		return err
	}
}

// trunks reads "FILE".
func (p *parser) trunks(args []string) (err error) {
	if p.cfg.Trunks, err = p.one(args, "one file"); err != nil {
		return err
	}
	if _, _, err := trunk.ReadFile(p.cfg.Trunks); err != nil {
		return p.Errf("%v", err)
	}
	return nil
}

func (p *parser) asterisk(args []string) error {
	if len(args) != 5 || args[1] != "user" || args[3] != "secret" {
		return p.Errf("asterisk %q: want HOST:PORT user NAME secret FILE", strings.Join(args, " "))
	}
	addr, err := p.hostPort(args[0], "asterisk")
	if err != nil {
		return err
	}
	if err := p.secret(args[4]); err != nil {
		return err
	}
	secret, err := os.ReadFile(args[4])
	if err != nil {
		return p.Errf("read AMI secret: %v", err)
	}
	s := strings.TrimSpace(strings.TrimPrefix(string(secret), "\ufeff")) // editors put it at the front of UTF-8
	if s == "" || strings.ContainsFunc(s, unicode.IsControl) || !utf8.ValidString(s) {
		return p.Errf("AMI secret file %q: want the secret alone on one line, as plain text or UTF-8", args[4])
	}
	p.cfg.Asterisk = Asterisk{Addr: addr, User: args[2], Secret: s}
	return nil
}

func (p *parser) users(args []string) error {
	list, err := p.patterns("users", args, p.cfg.Users)
	p.cfg.Users = list
	return err
}

// patterns appends path.Match patterns to a list.
func (p *parser) patterns(what string, args, list []string) ([]string, error) {
	for _, s := range args {
		if _, err := path.Match(s, "x"); err != nil {
			return nil, p.Errf("%s %q: want a pattern such as 1* or [0-9]*", what, s)
		}
		list = append(list, s)
	}
	return list, nil
}

func (p *parser) directory(args []string) error {
	c := p.cfg
	switch {
	case len(args) == 1:
	case len(args) == 3 && args[1] == "region":
		c.DirectoryRegion = args[2]
		if err := directory.CheckRegion(c.DirectoryRegion); err != nil {
			return p.Errf("directory: %v", err)
		}
	default:
		return p.Errf("directory %q: want directory FILE [region CC]", strings.Join(args, " "))
	}
	c.Directory = args[0]
	if err := directory.CheckFile(c.Directory); err != nil {
		return p.Errf("%v", err)
	}
	return nil
}

// AMIElsewhere reports whether AMI, which is not encrypted, leaves this machine.
func (c *Config) AMIElsewhere() bool {
	host, _, err := net.SplitHostPort(c.Asterisk.Addr)
	if err != nil || host == "localhost" {
		return false
	}
	a, err := netip.ParseAddr(host)
	return err != nil || !a.Unmap().IsLoopback() && !slices.Contains(c.Listen, a.Unmap())
}

// DirectoryOptions are how the lines of the directory are read.
func (c *Config) DirectoryOptions() directory.Options {
	return directory.Options{Node: c.Node, Region: c.DirectoryRegion}
}
