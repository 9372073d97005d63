package config

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/asterfed/asterfed/serf"
	"github.com/asterfed/asterfed/zone/tsig"
	"github.com/miekg/dns"
)

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

func (p *parser) rpc(args []string) error {
	p.cfg.RPC = args[0]
	switch {
	case len(args) == 1 && args[0] == "off":
		p.cfg.RPC = ""
		return nil
	case len(args) == 3 && args[1] == "key":
		p.cfg.RPCKey = args[2]
		if err := p.secret(p.cfg.RPCKey); err != nil {
			return err
		}
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

// deriveKey makes the transfer key of a federation whose Corefiles name none,
// out of the gossip key (HKDF, RFC 5869), so that one file serves a LAN. A
// federation whose gossip key rotates needs a transfer key of its own.
func deriveKey(gossipKeyFile, origin string) (*tsig.Key, error) {
	secret, err := serf.ReadKey(gossipKeyFile)
	if err != nil {
		return nil, err
	}
	key, err := hkdf.Key(sha256.New, secret, nil, "asterfed transfer "+origin, 32)
	if err != nil {
		return nil, fmt.Errorf("derive transfer key: %w", err)
	}
	return &tsig.Key{Name: "transfer." + origin, Algorithm: dns.HmacSHA256, Secret: base64.StdEncoding.EncodeToString(key)}, nil
}

// Serf is what Serf is started with, as far as the Corefile says.
func (c *Config) Serf() serf.Config {
	out := serf.Config{Node: c.Node, Bind: c.Gossip.String(), KeyFile: c.GossipKey, DataDir: c.Data,
		Join: c.Join, RPC: c.RPC, RPCKeyFile: c.RPCKey, Profile: c.Profile}
	if c.GossipAdvertise.IsValid() {
		out.Advertise = c.GossipAdvertise.String()
	}
	return out
}
