package config

import (
	"net/netip"
	"path"
	"slices"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami/pbx"
	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/tsig"
	"github.com/asterfed/asterfed/zone/update"
)

// Config is one federation block of a Corefile, complete and checked.
//
// It has a field for each property, because a Corefile's block is flat.
type Config struct {
	Origin string // federation zone, lower-case FQDN
	Node   string
	// Addrs are what nodes.<origin> publishes: where other servers reach
	// this node's Asterisk.
	Addrs []netip.Addr
	// Listen are the addresses that DNS listens on where the Corefile has no
	// bind: the node's own and loopback.
	Listen []netip.Addr
	SIP    []record.Transport
	IAX    uint16
	// Horizons are the addresses and ports for clients in some networks.
	Horizons []record.Horizon
	// OwnSIP is where Asterisk takes SIP on the machine itself.
	OwnSIP []record.Transport
	Region string

	Gossip          netip.AddrPort
	GossipAdvertise netip.AddrPort // zero: as Gossip
	GossipKey       string         // file
	RPC             string
	RPCKey          string // file with the key of Serf's RPC
	Join            []string
	Profile         string

	// Server is where this machine asks its own node; only Read sets it.
	Server string

	Transfer  netip.AddrPort // where peers reach this node's DNS
	Key       *tsig.Key
	OwnKey    bool // the key is from a file, not derived from the gossip key
	Asterisk  Asterisk
	Data      string
	TTL       time.Duration
	Order     answer.Order
	Selection []answer.Criterion // how ways out are ranked, none for the default
	// Directory is the CSV file of what registrations do not show, "" for none;
	// numbers in it without "+" are read as in DirectoryRegion (ISO 3166).
	Directory, DirectoryRegion string

	Trunks string // CSV file of trunks and where they lead, "" for none
	// Services are patterns of the rooms, queues and parked calls that are
	// published while they are there; none: none is.
	Services [pbx.NumClasses][]string

	History History // what of the past is kept

	DNSSEC []string // key files, none for an unsigned zone
	Fast   bool     // plain queries need not go through the chain of plugins
	Dial   answer.Dial
	// Delegations are blocks of numbers that others answer for.
	Delegations []answer.Delegation
	ITAD        string
	Plan        location.Plan // numbers of registered users
	Users       []string      // patterns of AORs that are published; none: all
	Updates     []Permission
	Secondaries []Secondary // name servers that follow the federation zone
}

// Permission is one update line: what the holder of a key may publish.
type Permission struct {
	Key  *tsig.Key
	File string
	Rule update.Rule
}

// Asterisk is how to reach this node's AMI; Addr is empty if there is none.
type Asterisk struct{ Addr, User, Secret string }

// Permits reports whether an AOR may be published.
func (c *Config) Permits(a location.AOR) bool {
	return len(c.Users) == 0 || matches(c.Users, string(a))
}

// matches reports whether a name matches one of the patterns.
func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, _ := path.Match(p, name)
		return ok
	})
}

// Sender is the address that this node's Asterisk sends from, invalid if that
// is not known.
func (c *Config) Sender() netip.Addr {
	if len(c.Listen) == 0 {
		return netip.Addr{}
	}
	return c.Listen[0]
}

// Self is what this node publishes about itself.
func (c *Config) Self() record.Node {
	return record.Node{Name: c.Node, Addrs: c.Addrs, SIP: c.SIP, IAX: c.IAX, Horizons: c.Horizons, Region: c.Region, State: record.Up}
}
