package config

import (
	"maps"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami/pbx"
	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/coredns/caddy"
	"github.com/coredns/coredns/plugin"
)

// property reads the arguments of one line of the block.
type property func(p *parser, args []string) error

// parser reads one federation block. It has a method for each property, because
// a new property then touches its parser and the place of its use, nothing else.
type parser struct {
	*caddy.Controller
	cfg   *Config
	port  string // DNS port of the server block
	seen  map[string]bool
	given map[string]bool // address, sip, iax: given without "for"
	// ownIAX is the IAX2 port before "advertise".
	ownIAX uint16
}

// properties are the words that a federation block may hold; the plugin's
// README describes each. A word not listed here is an error.
var properties = map[string]property{
	"address":   (*parser).address,
	"asterisk":  (*parser).asterisk,
	"data":      (*parser).data,
	"delegate":  (*parser).delegate,
	"dial":      (*parser).dial,
	"directory": (*parser).directory,
	"dnssec":    (*parser).dnssec,
	"fast":      (*parser).fast,
	"gossip":    (*parser).gossip,
	"history":   (*parser).history,
	"iax":       (*parser).iax,
	"isn":       (*parser).isn,
	"join":      (*parser).join,
	"node":      (*parser).node,
	"order":     (*parser).order,
	"parking":   services("parking", pbx.Parked),
	"plan":      (*parser).plan,
	"profile":   (*parser).profile,
	"queues":    services("queues", pbx.Queues),
	"region":    (*parser).region,
	"rpc":       (*parser).rpc,
	"rooms":     services("rooms", pbx.Rooms),
	"secondary": (*parser).secondary,
	"sip":       (*parser).sip,
	"transfer":  (*parser).transfer,
	"trunks":    (*parser).trunks,
	"ttl":       (*parser).ttl,
	"update":    (*parser).update,
	"users":     (*parser).users,
	"ways":      (*parser).ways,
}

// repeatable are the properties that may be given several times.
var repeatable = []string{"join", "users", "update", "plan", "delegate", "secondary", "rooms", "queues", "parking", "address", "sip", "iax"}

// propertyList names them all, for messages.
var propertyList = strings.Join(slices.Sorted(maps.Keys(properties)), ", ")

// Parse reads the federation block at c. It reads key files but opens nothing.
func Parse(c *caddy.Controller, port string) (*Config, error) {
	p := &parser{Controller: c, port: port, seen: map[string]bool{}, given: map[string]bool{}, cfg: &Config{
		RPC: "127.0.0.1:7373", Data: "/var/lib/asterfed", TTL: 5 * time.Second, Order: answer.Newest, Profile: "lan", Fast: true,
		History: defaultHistory,
	}}
	blocks := 0
	for c.Next() {
		if blocks++; blocks > 1 {
			return nil, c.Err("a server block takes one federation")
		}
		origins := plugin.OriginsFromArgsOrServerBlock(c.RemainingArgs(), c.ServerBlockKeys)
		if len(origins) != 1 || origins[0] == "." {
			return nil, c.Errf("federation serves one zone, got %q: write it as the server block's only key, \"fed.example {\"",
				strings.Join(origins, " "))
		}
		p.cfg.Origin = origins[0]
		for c.NextBlock() {
			word := c.Val()
			f, ok := properties[word]
			if !ok {
				return nil, c.Errf("unknown property %q: want %s", word, propertyList)
			}
			if p.seen[word] && !slices.Contains(repeatable, word) {
				return nil, c.Errf("property %q is given twice", word)
			}
			p.seen[word] = true
			args := c.RemainingArgs()
			if len(args) == 0 {
				return nil, c.Errf("property %q needs a value", word)
			}
			if err := f(p, args); err != nil {
				return nil, err
			}
		}
	}
	return p.cfg, p.complete()
}

// complete checks what must be there and fills in what follows from it.
func (p *parser) complete() error {
	c := p.cfg
	switch {
	case c.Node == "":
		return p.Err("federation needs \"node NAME\", unique in the federation")
	case !c.Gossip.IsValid():
		return p.Err("federation needs \"gossip IP:PORT key FILE\"")
	case c.GossipKey == "":
		return p.Err("gossip needs \"key FILE\": 32 random bytes in base64 (head -c 32 /dev/urandom | base64)")
	}
	if c.Asterisk.Addr == "" && (c.Trunks != "" || slices.ContainsFunc(c.Services[:], func(list []string) bool { return len(list) > 0 })) {
		return p.Err("trunks, rooms, queues and parking need \"asterisk HOST:PORT user NAME secret FILE\": it says which can be used")
	}
	if len(c.Listen) == 0 {
		if c.Gossip.Addr().IsUnspecified() {
			return p.Err("federation needs \"address IP\" where gossip listens on every address")
		}
		c.Listen = []netip.Addr{c.Gossip.Addr()}
	}
	if len(c.Addrs) == 0 {
		c.Addrs = c.Listen
	}
	if c.RPC != "" && c.RPCKey == "" {
		c.RPCKey = filepath.Join(c.Data, "rpc.key")
	}
	if !p.given["sip"] && (c.Asterisk.Addr != "" || len(c.Updates) > 0) { // what is published there leads to its SIP server
		c.SIP = []record.Transport{{Proto: "udp", Port: 5060}}
		c.OwnSIP = c.SIP
	}
	p.ownPorts()
	if !c.Transfer.IsValid() {
		port, err := strconv.ParseUint(p.port, 10, 16)
		if err != nil {
			port = 53
		}
		c.Transfer = netip.AddrPortFrom(c.Addrs[0], uint16(port))
	}
	if c.Key == nil {
		key, err := deriveKey(c.GossipKey, c.Origin)
		if err != nil {
			return p.Errf("%v", err)
		}
		c.Key = key
	}
	return p.sameKeys()
}
