package federation

import (
	"net"
	"net/netip"
	"os"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/asterfed/asterfed/zone"
	"github.com/asterfed/asterfed/zone/xfr"
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
	if err := zone.CheckNodeName(p.cfg.Node); err != nil {
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

// endpoint reads "IP:PORT [key FILE] [advertise IP:PORT]".
func (p *parser) endpoint(what string, args []string) (at, advertise netip.AddrPort, key string, err error) {
	if at, err = p.addrPort(args[0], what); err != nil {
		return at, advertise, key, err
	}
	for rest := args[1:]; len(rest) > 0; rest = rest[2:] {
		if len(rest) < 2 || rest[0] != "key" && rest[0] != "advertise" {
			return at, advertise, key, p.Errf("%s: got %q: want %s IP:PORT [key FILE] [advertise IP:PORT]", what, rest[0], what)
		}
		if rest[0] == "key" {
			key = rest[1]
		} else if advertise, err = p.addrPort(rest[1], what+" advertise"); err != nil {
			return at, advertise, key, err
		}
	}
	return at, advertise, key, nil
}

func (p *parser) gossip(args []string) (err error) {
	c := p.cfg
	if c.Gossip, c.GossipAdvertise, c.GossipKey, err = p.endpoint("gossip", args); err != nil || c.GossipKey == "" {
		return err
	}
	if err := p.secret(c.GossipKey); err != nil {
		return err
	}
	if _, err := deriveKey(c.GossipKey, c.Origin); err != nil {
		return p.Errf("%v", err)
	}
	return nil
}

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
	if p.cfg.Key, err = xfr.ReadKey(file); err != nil {
		return p.Errf("%v", err)
	}
	p.cfg.OwnKey = true
	return nil
}

func (p *parser) hostPort(s, what string) (string, error) {
	host, port, err := net.SplitHostPort(s)
	if n, perr := strconv.ParseUint(port, 10, 16); err != nil || perr != nil || n == 0 || host == "" {
		return "", p.Errf("%s %q: want HOST:PORT", what, s)
	}
	return s, nil
}

func (p *parser) rpc(args []string) error {
	p.cfg.RPC = args[0]
	switch {
	case len(args) == 1 && args[0] == "off":
		p.cfg.RPC = ""
		return nil
	case len(args) == 3 && args[1] == "key":
		p.cfg.RPCKey = args[2]
	case len(args) != 1:
		return p.Errf("rpc %q: want IP:PORT [key FILE] or off", strings.Join(args, " "))
	}
	_, err := p.addrPort(args[0], "rpc")
	return err
}

func (p *parser) join(args []string) error {
	for _, s := range args {
		host := s
		if h, port, err := net.SplitHostPort(s); err == nil {
			if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
				return p.Errf("join %q: want HOST or HOST:PORT", s)
			}
			host = h
		}
		if host == "" {
			return p.Errf("join %q: want HOST or HOST:PORT", s)
		}
		p.cfg.Join = append(p.cfg.Join, s)
	}
	return nil
}

func (p *parser) profile(args []string) (err error) {
	p.cfg.Profile, err = p.one(args, "local, lan or wan")
	if s := p.cfg.Profile; err == nil && s != "local" && s != "lan" && s != "wan" {
		return p.Errf("profile %q: want local, lan or wan", s)
	}
	return err
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
	s := strings.TrimSpace(string(secret))
	if s == "" || strings.ContainsAny(s, "\r\n") {
		return p.Errf("AMI secret file %q: want the secret alone on one line", args[4])
	}
	p.cfg.Asterisk = Asterisk{Addr: addr, User: args[2], Secret: s}
	return nil
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
	switch o := zone.Order(s); o {
	case zone.Newest, zone.Nearest, zone.All:
		p.cfg.Order = o
		return nil
	}
	return p.Errf("order %q: want newest, nearest or all", s)
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
