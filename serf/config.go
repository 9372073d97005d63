package serf

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"time"

	"github.com/hashicorp/memberlist"
)

// defaultPort is the port of gossip, TCP and UDP, where none is given.
const defaultPort = 7946

// Config says how the agent of this node runs. Node and Bind are required.
type Config struct {
	Node      string // name of this member, unique in the federation
	Bind      string // ip:port for gossip, TCP and UDP; port 0 picks one
	Advertise string // ip:port at which others reach Bind, if it differs (NAT)

	// KeyFile names a text file with the gossip key: base64 of 16, 24 or 32
	// bytes on one line. Without one, and without a keyring in DataDir, gossip
	// is not encrypted, and a warning says so.
	KeyFile string

	// DataDir is the directory for what must survive a restart: the snapshot,
	// the keyring and the list of peers. It is created if absent. Empty means
	// that nothing survives.
	DataDir string

	Join       []string // seeds: host or host:port, retried without end
	RPC        string   // ip:port of Serf's RPC; "" = none; port 0 picks one
	RPCKeyFile string   // holds the key that RPC clients must present, created if absent; "" = none needed, with a warning

	// Tags are those of this member. Members whose tag "zone" differs from this
	// one are refused: they belong to another federation.
	Tags    map[string]string
	Profile string // "local", "lan" (default) or "wan": how fast failures are seen

	Logger *slog.Logger // nil discards

	// OnEvent is called with each change of another member, never of this one.
	// It is called from one goroutine, in order, and may be slow.
	OnEvent func(Event)
	// OnTags is called with this member from time to time, by the same
	// goroutine, whether or not its tags have changed.
	OnTags func(Member)

	// OnQuery answers a query of any member, this one among them, with at most
	// MaxAnswer octets; nil leaves it unanswered. It is called from several
	// goroutines, and may take until the deadline. nil answers none.
	OnQuery func(name string, deadline time.Time) []byte

	retry retry // zero: production values

	// For tests: how soon Serf forgets who has failed, and what stands before
	// the gossip sockets.
	reap time.Duration
	wrap func(*memberlist.NetTransport) memberlist.NodeAwareTransport
}

// retry holds the intervals between attempts to reach peers.
type retry struct {
	alone   time.Duration // while no other member is alive
	missing time.Duration // for each member that is missing
	tick    time.Duration // how often the member list is compared with the events sent
	silence time.Duration // how long seeds may stay out of reach before the log says why

	newcomer time.Duration // how long after its start a node gives way to one of its name
	taken    time.Duration // how long it waits for one that does not answer to be seen dead
}

var defaultRetry = retry{alone: 5 * time.Second, missing: 3 * time.Second, tick: time.Second, silence: 5 * time.Second,
	newcomer: 10 * time.Second, taken: 20 * time.Second}

// nodeName is what Serf's join addresses (name/ip:port), its snapshot and a
// DNS label all permit.
var nodeName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,128}$`)

// Check reports everything that is wrong with c, without opening a socket.
func Check(c Config) error {
	var errs []error
	fail := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }

	if !nodeName.MatchString(c.Node) {
		fail("check node name %q: 1 to 128 letters, digits, '.', '-' or '_' expected", c.Node)
	}
	errs = append(errs, c.checkAddresses()...)
	for _, seed := range c.Join {
		if _, _, err := splitSeed(seed); err != nil {
			errs = append(errs, err)
		}
	}
	if c.KeyFile != "" {
		if _, err := ReadKey(c.KeyFile); err != nil {
			errs = append(errs, err)
		}
	}
	if c.RPC != "" && c.RPCKeyFile != "" {
		if _, err := ReadRPCKey(c.RPCKeyFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	if c.DataDir != "" {
		if fi, err := os.Stat(c.DataDir); err == nil && !fi.IsDir() {
			fail("check data directory %s: not a directory", c.DataDir)
		}
	}
	if err := checkTags(c.Tags); err != nil {
		errs = append(errs, err)
	}
	if _, err := profile(c.Profile); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (c Config) checkAddresses() (errs []error) {
	bind, err := netip.ParseAddrPort(c.Bind)
	if err != nil {
		errs = append(errs, fmt.Errorf("check gossip address %q: ip:port expected", c.Bind))
	}
	if c.Advertise != "" {
		adv, err := netip.ParseAddrPort(c.Advertise)
		if err != nil || adv.Addr().IsUnspecified() || adv.Port() == 0 {
			errs = append(errs, fmt.Errorf("check advertised address %q: ip:port that other nodes can reach expected", c.Advertise))
		}
	} else if err == nil && bind.Addr().IsUnspecified() && !bind.Addr().Is4() {
		// Serf looks for a private IPv4 address only.
		errs = append(errs, fmt.Errorf("check gossip address %q: an advertised address is needed", c.Bind))
	}
	if c.RPC != "" {
		rpc, err := netip.ParseAddrPort(c.RPC)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("check RPC address %q: ip:port expected", c.RPC))
		case rpc == bind && rpc.Port() != 0:
			errs = append(errs, fmt.Errorf("check RPC address %q: gossip uses the same", c.RPC))
		}
	}
	return errs
}

// splitSeed splits a seed into host (name or IP address) and port.
func splitSeed(seed string) (host string, port uint16, err error) {
	if ip, err := netip.ParseAddr(seed); err == nil {
		return ip.String(), defaultPort, nil
	}
	host, p, err := net.SplitHostPort(seed)
	if err != nil {
		host, p = seed, strconv.Itoa(defaultPort)
	}
	n, err := strconv.ParseUint(p, 10, 16)
	if err != nil || n == 0 || !nodeName.MatchString(host) && net.ParseIP(host) == nil {
		return "", 0, fmt.Errorf("check seed %q: host or host:port expected", seed)
	}
	return host, uint16(n), nil
}
