package federation

import (
	"log/slog"
	"net"
	"net/netip"

	"github.com/asterfed/asterfed/plugin/federation/config"
	"github.com/asterfed/asterfed/zone"
	"github.com/asterfed/asterfed/zone/dnssec"
	"github.com/asterfed/asterfed/zone/history"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/outbound"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/stream"
	"github.com/asterfed/asterfed/zone/update"
	"github.com/miekg/dns"
)

// node is the node that the plugin answers for: all that the plugin knows of it. Its
// methods are safe for concurrent use once the node has started.
type node interface {
	Config() *config.Config
	View() *zone.View
	Logger() *slog.Logger
	Ready() bool
	Signer() *dnssec.Signer // nil where the zone is not signed

	// Home zones, of this node and of those that it follows.
	HomeZone(node string) stream.Zone // nil if this node has none to give
	Version(node string) (record.Version, record.Node)
	ApexRecords(apex string) []dns.RR // of the own home zone: SOA, NS, TXT
	HandleHeartbeat(node string, soa []dns.RR, from net.Addr)
	HandleNotify(node string, answer []dns.RR, from net.Addr) bool

	// The federation zone, for secondaries.
	FederationZone() *outbound.Zone
	SecondaryAsked(key string, from netip.Addr)

	// DNS UPDATE.
	Update(m *dns.Msg, key string, t *dns.TSIG) error
	Published(qname, apex string, rules update.Rules) []dns.RR // that rules permit to write

	// What operators ask for.
	Allows(a location.AOR) bool
	History() *history.Log // nil where none is kept
	LiveZone() (stream.Zone, error)
	LiveChannels(owner string) ([]dns.RR, error)
	Status(owner string) ([]dns.RR, error)
}
