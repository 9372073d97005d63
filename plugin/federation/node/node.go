package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/config"
	"github.com/asterfed/asterfed/plugin/federation/source"
	"github.com/asterfed/asterfed/serf"
	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/history"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/peer"
	"github.com/asterfed/asterfed/zone/primary"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
)

// Node is a node at work: its home zone, its view of all others, Serf, its
// Asterisk and the connections to its peers. It lives until Stop, whatever CoreDNS
// reloads meanwhile. Safe for concurrent use.
type Node struct {
	cfg *config.Config
	log *slog.Logger

	clock     *location.Clock
	view      *answer.Zone
	primary   *primary.Primary
	history   *history.Log // nil where none is kept
	boot      string
	directory *source.Directory
	asterisk  *asterisk
	recovery  *recovery
	peers     *peers
	expiry    *expiry
	gossip    Membership
	tags      *tags

	tasks *tasks
	left  chan struct{}
}

// Config is what a node starts from.
type Config struct {
	// Settings are the Corefile's. The caller has locked the data directory
	// (datadir.Lock) and gives it back after Stop.
	Settings *config.Config
	Version  string // of asterfed, as other nodes are told
	Logger   *slog.Logger
	// Join starts Serf; nil for serf.Start.
	Join func(context.Context, serf.Config) (Membership, error)
}

// Membership is what a node needs of Serf: *serf.Agent.
type Membership interface {
	Members() []serf.Member
	Joined() bool
	JoinErrors() []*serf.JoinError
	SetTags(map[string]string) error
	Distance(x, y string) (time.Duration, bool)
	Left() <-chan struct{}
	Err() error
	Shutdown() error
}

// joinSerf is the default of Config.Join.
func joinSerf(ctx context.Context, c serf.Config) (Membership, error) {
	a, err := serf.Start(ctx, c)
	if err != nil {
		return nil, err
	}
	return a, nil
}

// Start opens the data directory, joins Serf and begins to listen to Asterisk. An
// error means that nothing is left open.
func Start(c Config) (*Node, error) {
	n := &Node{cfg: c.Settings, log: c.Logger, clock: location.NewClock(time.Now), tasks: newTasks(), left: make(chan struct{})}
	if err := n.start(c); err != nil {
		n.Stop()
		return nil, err
	}
	return n, nil
}

func (n *Node) start(c Config) error {
	var recheck atomic.Pointer[func(location.AOR)] // set once there is an AMI source
	n.history = newHistory(n.cfg, n.log)
	n.view = newZone(n, func(a location.AOR) {
		if f := recheck.Load(); f != nil {
			(*f)(a)
		}
	})
	home, err := n.openHome()
	if err != nil {
		return err
	}
	n.writeHistory()
	n.tags = &tags{settings: n.cfg, primary: n.primary, version: c.Version, log: n.log}
	tidy := newTidier()
	n.tasks.run(tidy.run)
	n.follow(home, tidy)
	if src := n.asterisk.source; src != nil {
		f := src.Recheck
		recheck.Store(&f)
	}
	drain := &drain{monitor: n.asterisk.monitor, file: filepath.Join(n.cfg.Data, drainingFile), log: n.log}
	drain.resume()
	replicas := newReplicas(replicasConfig{dir: filepath.Join(n.cfg.Data, "secondary"), self: n.cfg.Node, origin: n.cfg.Origin, view: n.view,
		clock: n.clock, peers: n.peers, log: n.log})
	replicas.load()
	met := filepath.Join(n.cfg.Data, metFile)
	_, err = os.Stat(met)
	known := err == nil || n.peers.count() > 0
	requests := make(chan serf.Member, 1)
	if err := n.join(c.Join, requests); err != nil {
		return err
	}
	n.run(tidy, replicas, &settling{settings: n.cfg, gossip: n.gossip, peers: n.peers, view: n.view, recovery: n.recovery, met: known, file: met, log: n.log})
	n.tasks.run(func(ctx context.Context) {
		drain.follow(ctx, requests, func() { n.tags.set(ctx, n.gossip) })
	})
	go n.tags.follow(n.tasks.ctx, n.gossip) // not waited for: Serf gives up on a broadcast after 5 s only
	return nil
}

// opened is what opening the home zone has found.
type opened struct {
	fresh bool // the node begins without data
	names *names
}

// openHome opens the journal and makes the primary of the home zone from it, and
// from the journal of a former name.
func (n *Node) openHome() (opened, error) {
	cfg := n.cfg
	former, err := takeFormer(cfg.Data, cfg.Node, cfg.Origin, n.log)
	if err != nil {
		return opened{}, err
	}
	journal, aside, err := primary.OpenJournal(cfg.Data, cfg.Node, cfg.Origin)
	if err != nil {
		return opened{}, fmt.Errorf("open data %s: %w", cfg.Data, err)
	}
	if aside != nil {
		n.log.Error("journal cannot be read; starting without it", "err", aside)
	}
	self := cfg.Self()
	if was := journal.Node(); was != nil && was.State == record.Down && cfg.Asterisk.Addr == "" && len(cfg.OwnSIP) > 0 {
		self.State = record.Down // until its SIP server answers
	}
	n.boot = journal.Boot()
	n.primary = primary.New(primary.Config{Zone: n.view.Own(), Clock: n.clock, Node: self, Plan: cfg.Plan, Journal: journal, Logger: n.log})
	o := opened{fresh: journal.Fresh(), names: openNames(cfg.Data, n.log)}
	if former.takeOver(n.primary, n.log) {
		o.fresh = false
		o.names.add(former.name)
	}
	o.names.add(cfg.Node)
	return o, nil
}

// follow makes what follows the sources and the other nodes. AMI waits for run, the
// other nodes for join and for the replicas.
func (n *Node) follow(home opened, tidy *tidier) {
	cfg, log := n.cfg, n.log
	n.expiry = newExpiry(n.primary, log)
	n.recovery = &recovery{node: cfg.Node, fresh: home.fresh, began: time.Now(), primary: n.primary, wake: n.expiry.wake, log: log,
		alone:   func() bool { return len(cfg.Join) == 0 && len(n.view.Homes()) == 1 },
		permits: func(a location.AOR) bool { return n.directory.Permits(a) }}
	n.peers = newPeers(peersConfig{settings: cfg, view: n.view, clock: n.clock, own: peer.NewNotifier(n.primary, cfg.Origin), recovery: n.recovery,
		tidy: tidy, tasks: n.tasks, log: log})
	n.directory = source.NewDirectory(source.DirectoryConfig{File: cfg.Directory, Options: cfg.DirectoryOptions(), Primary: n.primary,
		Permits: cfg.Permits, Logger: log,
		Known: func(node string) (is, settled bool) {
			return node == cfg.Node || n.peers.member(node) != nil, n.view.Settled()
		}})
	n.expiry.expire(time.Now())
	if n.recovery.fresh {
		n.directory.Read() // else what the journal has is served meanwhile
	}
	n.tasks.run(n.directory.Run)
	n.asterisk = newAsterisk(asteriskConfig{settings: cfg, primary: n.primary, clock: n.clock, view: n.view, recovery: n.recovery,
		permits: n.directory.Permits, names: home.names, peers: n.peers, tasks: n.tasks, log: log})
}

// run begins all that goes on until Stop.
func (n *Node) run(tidy *tidier, replicas *replicas, settling *settling) {
	n.tasks.run(func(ctx context.Context) { replicas.run(ctx, n.gossip.Members) })
	n.tasks.run(func(ctx context.Context) { n.peers.followDistances(ctx, n.gossip.Distance) })
	n.tasks.run(n.expiry.run)
	n.tasks.run(func(ctx context.Context) {
		select {
		case <-ctx.Done():
		case <-n.directory.Loaded(): // it decides which registrations are published
			n.asterisk.run(ctx)
		}
	})
	n.tasks.run(func(ctx context.Context) {
		if !settling.wait(ctx) {
			return
		}
		if n.history != nil {
			n.history.Settled()
		}
		tidy.now() // what reading took
	})
}

// join starts Serf. Requests takes this node's tags, as Serf reports them.
func (n *Node) join(start func(context.Context, serf.Config) (Membership, error), requests chan serf.Member) error {
	if start == nil {
		start = joinSerf
	}
	cfg := n.cfg.Serf()
	cfg.Tags, cfg.Logger = n.tags.now(), n.log.With("source", "serf")
	cfg.OnEvent = n.peers.event
	cfg.OnTags = func(self serf.Member) {
		select {
		case requests <- self:
		default: // Serf reports again
		}
	}
	queries := &queries{ctx: n.tasks.ctx, node: n.cfg.Node, asterisk: n.asterisk, primary: n.primary, view: n.view}
	cfg.OnQuery = queries.answer
	gossip, err := start(n.tasks.ctx, cfg)
	if err != nil {
		return fmt.Errorf("start serf: %w", err)
	}
	n.gossip = gossip
	n.tasks.run(func(ctx context.Context) {
		select {
		case <-ctx.Done():
		case <-gossip.Left():
			close(n.left)
		}
	})
	return nil
}

// View returns what this node answers from.
func (n *Node) View() *answer.Zone { return n.view }

// Primary returns the primary of the own home zone.
func (n *Node) Primary() *primary.Primary { return n.primary }

// Clock returns the clock that stamps what is published here.
func (n *Node) Clock() *location.Clock { return n.clock }

// Boot returns a word that changes when the machine starts.
func (n *Node) Boot() string { return n.boot }

// History returns the log of the past, nil where none is kept.
func (n *Node) History() *history.Log { return n.history }

// Peer returns the connection to another node, nil if it is not known.
func (n *Node) Peer(node string) *peer.Peer {
	if m := n.peers.member(node); m != nil {
		return m.peer
	}
	return nil
}

// Allows reports whether the directory lets a user have a home here.
func (n *Node) Allows(a location.AOR) bool { return n.directory.Allows(a) }

// Recovered reports whether a peer's replica of the own home zone has arrived, or none
// is to be expected, and the directory was read. Updates wait for both.
func (n *Node) Recovered() bool {
	select {
	case <-n.directory.Loaded():
		return n.recovery.known()
	default:
		return false
	}
}

// Transferable reports whether the own home zone may be transferred.
func (n *Node) Transferable() bool { return n.recovery.transferable() }

// Published is to be called after an update: something may end sooner than was
// known.
func (n *Node) Published() { n.expiry.wake() }

// Ready reports whether the node knows its own registrations and those of the
// others.
func (n *Node) Ready() bool {
	return n.view.Settled() && (n.asterisk.source == nil || n.asterisk.monitor.Ready())
}

// Left is closed when the node was told to leave the federation.
func (n *Node) Left() <-chan struct{} { return n.left }

// Err says what forced the node to leave, such as another node of its name; nil if
// it was told to, or is still there.
func (n *Node) Err() error { return n.gossip.Err() }

// Stop ends everything without leaving the federation: the others keep this node's
// users as long as its Asterisk answers.
func (n *Node) Stop() error {
	n.tasks.cancel()
	var err error
	if n.gossip != nil {
		err = n.gossip.Shutdown()
	}
	n.tasks.stop()
	if n.asterisk != nil {
		n.asterisk.close()
	}
	if n.primary != nil {
		err = errors.Join(err, n.primary.Close())
	}
	return err
}

// newHistory returns the log of the past, nil if none is kept.
func newHistory(cfg *config.Config, log *slog.Logger) *history.Log {
	if cfg.History == (config.History{}) {
		return nil
	}
	return history.New(history.Config{Path: filepath.Join(cfg.Data, "history.db"), MaxAge: cfg.History.Age, MaxBytes: cfg.History.Bytes,
		Logger: log.With("source", "history")})
}

// writeHistory writes the history while the node lives.
func (n *Node) writeHistory() {
	if n.history == nil {
		return
	}
	if err := n.history.Open(); err != nil {
		n.log.Error("history is not kept", "err", err)
		return
	}
	n.tasks.run(func(ctx context.Context) {
		n.history.Run(ctx, func() map[string]view.HomeState { return history.Homes(n.view) }, "order="+string(n.cfg.Order))
	})
}

// newZone returns the federation zone as a node answers it, over an empty view.
// Contested is called with AORs bound here that another node claims newer.
func newZone(n *Node, contested func(location.AOR)) *answer.Zone {
	cfg := n.cfg
	on := view.Listeners{OnContested: contested,
		OnSurplus: func(home string, b location.Binding) {
			if count := n.view.Home(home).Surplus(); count == 1 || count%10_000 == 0 {
				n.log.Warn("records refused: their home has as many of one name as a home may have", "node", home, "name", b.AOR,
					"most", location.MaxPerName, "count", count)
			}
		}}
	if n.history != nil {
		on.OnChange = n.history.Record
	}
	v := view.New(view.Config{Origin: cfg.Origin, Self: cfg.Node, Addr: cfg.Sender(), TTL: cfg.TTL, Done: n.tasks.ctx.Done(), Listeners: on})
	trimmed := limiter{every: time.Minute}
	return answer.New(answer.Config{Order: cfg.Order, Selection: cfg.Selection, Dial: cfg.Dial, ITAD: cfg.ITAD, Delegations: cfg.Delegations,
		OnTrimmed: func(owner string) {
			if trimmed.allow(time.Now()) {
				n.log.Warn("answer has the best-ranked records only: Asterisk reads 4096 octets", "name", owner)
			}
		},
		OnOccluded: func(a location.AOR, block string) {
			n.log.Warn("nobody is sent to this number here: its block is delegated", "aor", a, "block", "+"+block)
		}}, v)
}

// limiter allows one event a period.
type limiter struct {
	every time.Duration
	last  atomic.Int64 // nanoseconds of the wall clock
}

func (l *limiter) allow(now time.Time) bool {
	last := l.last.Load()
	return now.UnixNano()-last >= int64(l.every) && l.last.CompareAndSwap(last, now.UnixNano())
}
