package federation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami"
	"github.com/asterfed/asterfed/plugin/federation/config"
	"github.com/asterfed/asterfed/plugin/federation/liveness"
	"github.com/asterfed/asterfed/plugin/federation/source"
	"github.com/asterfed/asterfed/serf"
	"github.com/asterfed/asterfed/zone"
	"github.com/asterfed/asterfed/zone/datadir"
	"github.com/asterfed/asterfed/zone/dnssec"
	"github.com/asterfed/asterfed/zone/history"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/outbound"
	"github.com/asterfed/asterfed/zone/xfr"
)

// Runtime is a node at work: its home zone, its view of all others, Serf, the
// AMI source and the connections to its peers. It starts once and lives until
// Stop, whatever CoreDNS reloads meanwhile.
type Runtime struct {
	cfg config.Config
	log *slog.Logger

	data      *datadir.Dir // nil until it is locked
	clock     *location.Clock
	view      *zone.View
	primary   *zone.Primary
	herald    *xfr.Herald
	agent     *serf.Agent
	source    *ami.Source // nil without an Asterisk
	live      *ami.Live   // likewise
	updates   *updates
	outward   *outbound.Zone
	notifiers []*notifier    // of the secondaries; not changed after the start
	signer    *dnssec.Signer // nil where the zone is not signed
	monitor   *liveness.Monitor
	directory *source.Directory
	trunks    *source.Trunks
	services  *source.Services
	compared  comparisons
	history   *history.Log // nil where none is kept
	fresh     bool         // began without data
	met       bool         // an earlier process has reached other nodes
	began     time.Time

	ctx    context.Context
	cancel context.CancelFunc
	tasks  sync.WaitGroup

	mu      sync.Mutex
	peers   map[string]*member
	tidy    *time.Timer
	listed  atomic.Bool // the first listing is complete, or none is to be expected
	swept   atomic.Bool // a listing has begun to replace what was kept
	left    chan struct{}
	parted  atomic.Bool   // left is closed; for the Registry
	serving chan struct{} // closed once there is an agent
	ending  chan struct{} // something may end sooner than was known
	// recovered: a peer has given what it has kept of this home zone, or every
	// peer asked has nothing
	recovered atomic.Bool
	asking    atomic.Int32 // peers asked that have not answered

	toldTrimmed atomic.Int64 // unix seconds of the last such line
}

// newRuntime makes a runtime that has opened nothing yet.
func newRuntime(cfg config.Config, log *slog.Logger) *Runtime {
	r := &Runtime{cfg: cfg, log: log, clock: location.NewClock(time.Now), peers: map[string]*member{}, tidy: newTidy(),
		left: make(chan struct{}), serving: make(chan struct{}), ending: make(chan struct{}, 1),
		began: time.Now()}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.history = newHistory(&cfg, r)
	var onChange func(zone.Change)
	if r.history != nil {
		onChange = r.history.Record
	}
	r.view = zone.NewView(zone.Config{Origin: cfg.Origin, Self: cfg.Node, Addr: cfg.Sender(), TTL: cfg.TTL, Order: cfg.Order, Ways: cfg.Ways, Dial: cfg.Dial, ITAD: cfg.ITAD,
		OnContested: func(a location.AOR) {
			if r.source != nil {
				r.source.Recheck(a)
			}
		}, OnTrimmed: r.trimmed,
		Delegations: cfg.Delegations, OnOccluded: r.occluded, OnSurplus: r.surplus, Done: r.ctx.Done(), OnChange: onChange})
	return r
}

// lock locks the data directory, unless it is locked: nothing in it may be read
// before, since what reads also repairs.
func (r *Runtime) lock() (err error) {
	if r.data == nil {
		r.data, err = datadir.Lock(r.cfg.Data)
	}
	return err
}

// unlock gives the data directory back. Nothing may use it any more.
func (r *Runtime) unlock() {
	r.data.Unlock()
	r.data = nil
}

// Start opens the data directory, joins Serf and begins to listen to
// Asterisk. An error means that nothing is left open.
func (r *Runtime) Start() (err error) {
	defer func() {
		if err != nil {
			r.Stop()
		}
	}()
	if err := r.lock(); err != nil {
		return err
	}
	journal, aside, err := zone.OpenJournal(r.cfg.Data, r.cfg.Node, r.cfg.Origin)
	if err != nil {
		return fmt.Errorf("open data %s: %w", r.cfg.Data, err)
	}
	if aside != nil {
		r.log.Error("kept registrations could not be read; beginning anew", "err", aside)
	}
	r.fresh = journal.Fresh()
	node := r.cfg.Self()
	if was := journal.Node(); was != nil && was.State == zone.Down && r.cfg.Asterisk.Addr == "" && len(r.cfg.OwnSIP) > 0 {
		node.State = zone.Down // until its SIP server answers
	}
	r.primary = zone.NewPrimary(zone.PrimaryConfig{View: r.view, Clock: r.clock, Node: node, Plan: r.cfg.Plan,
		Journal: journal, Logger: r.log})
	r.herald = xfr.NewHerald(r.primary, r.cfg.Origin)
	r.remember()
	r.openSources()
	r.updates = newUpdates(r, journal.Boot())
	r.outward = outbound.Open(outbound.Config{View: r.view, Data: r.cfg.Data, Boot: journal.Boot(), Followed: len(r.cfg.Secondaries) > 0,
		Logger: r.log.With("source", "outward")})
	r.run(func() { r.outward.Run(r.ctx) })
	r.notifyAll()
	r.expire(time.Now())
	r.directory.Read()
	r.run(func() { r.directory.Run(r.ctx) })
	r.trunks.Read()
	r.run(func() { r.trunks.Run(r.ctx) })
	if len(r.cfg.DNSSEC) > 0 {
		keys, err := dnssec.ReadKeys(r.cfg.DNSSEC, r.cfg.Origin, time.Now())
		if err != nil {
			return err
		}
		r.signer = dnssec.New(r.cfg.Origin, keys, time.Now)
		r.run(r.followKeys)
	}
	r.monitor = liveness.NewMonitor(liveness.MonitorConfig{Addrs: r.cfg.Listen, SIP: r.cfg.OwnSIP, AMI: r.cfg.Asterisk.Addr != "", Apex: r.primary, Logger: r.log})
	r.run(func() { r.monitor.Run(r.ctx) })
	r.resumeDrain()
	if a := r.cfg.Asterisk; a.Addr != "" {
		r.live = ami.NewLive(ami.LiveConfig{Addr: a.Addr, User: a.User, Secret: a.Secret})
		kept := newAbreast(r)
		cfg := ami.Config{Addr: a.Addr, User: a.User, Secret: a.Secret, Registrar: source.Registrations{Primary: r.primary, Sweeping: func() { r.swept.Store(true) }, Report: r.reported},
			Rivals: r.view.Contested, Permit: r.directory.Permits, Held: r.heldHere,
			Mark: r.clock.Mark, Keep: kept.keep, Before: kept.before(), Logger: r.log.With("source", "ami")}
		r.followPBX(&cfg)
		r.source = ami.New(cfg)
	} else {
		r.listed.Store(true)
	}
	kept := newCopies(r)
	kept.load()
	r.met = r.others() > 0
	if err := r.startSerf(); err != nil {
		return err
	}
	r.run(kept.run)
	r.run(r.followDistances)
	if r.source != nil {
		r.run(func() { r.source.Run(r.ctx) })
	}
	r.run(r.settle)
	r.run(r.expireAll)
	go r.followTags() // not waited for: Serf gives up on a broadcast after 5 s only
	return nil
}

// openSources makes what publishes in the home zone, beside registrations.
func (r *Runtime) openSources() {
	r.directory = source.NewDirectory(source.DirectoryConfig{File: r.cfg.Directory, Options: r.cfg.DirectoryOptions(), Primary: r.primary,
		Permits: r.cfg.Permits, Logger: r.log,
		Known: func(node string) (is, settled bool) {
			return node == r.cfg.Node || r.member(node) != nil, r.view.Settled()
		}})
	r.trunks = source.NewTrunks(source.TrunksConfig{File: r.cfg.Trunks, Primary: r.primary, Logger: r.log})
	r.services = source.NewServices(source.ServicesConfig{Patterns: r.cfg.Services, Primary: r.primary, Logger: r.log,
		Stamp: func(b location.Binding) location.Stamp { return r.clock.Next(r.view.Newest(b)) }})
}

// followPBX lets the AMI source follow trunks and services where the Corefile wants
// them.
func (r *Runtime) followPBX(cfg *ami.Config) {
	if r.trunks.Follows() {
		cfg.Trunks = r.trunks
	}
	if r.services.Any() {
		cfg.Services = r.services
	}
}

// reported takes the state of the connection to Asterisk.
func (r *Runtime) reported(s ami.Status) {
	if s.State == ami.Ready && !r.listed.Swap(true) {
		r.log.Info("registrations are listed", "asterisk", s.Version, "bindings", r.view.Find(r.cfg.Node).Len())
	}
	r.monitor.Status(r.ctx, s)
}

// trimmed says, once a minute at most, that a name has more homes than fit.
func (r *Runtime) trimmed(owner string) {
	now := time.Now().Unix()
	if last := r.toldTrimmed.Load(); now-last >= 60 && r.toldTrimmed.CompareAndSwap(last, now) {
		r.log.Warn("answer holds the best-ranked records only: Asterisk reads 4096 octets", "name", owner)
	}
}

// surplus says that a home claims one name more often than any home may.
func (r *Runtime) surplus(home string, b location.Binding) {
	if n := r.view.Home(home).Surplus(); n == 1 || n%10_000 == 0 {
		r.log.Warn("records refused: their home has as many of one name as a home may have", "node", home, "name", b.AOR, "most", location.MaxPerName, "count", n)
	}
}

// heldHere counts the bindings of one technology in the own home zone.
func (r *Runtime) heldHere(t location.Kind) (n int) {
	r.primary.Read(func(s *location.Store) { n = s.Count(t) })
	return n
}

func (r *Runtime) run(f func()) {
	r.tasks.Add(1)
	go func() {
		defer r.tasks.Done()
		f()
	}()
}

func (r *Runtime) startSerf() error {
	cfg := r.cfg.Serf()
	cfg.Tags, cfg.Logger = r.tags(), r.log.With("source", "serf")
	cfg.OnEvent, cfg.OnTags, cfg.OnQuery = r.memberEvent, r.requested, r.answerQuery
	agent, err := serf.Start(r.ctx, cfg)
	if err != nil {
		return fmt.Errorf("start serf: %w", err)
	}
	r.agent = agent
	close(r.serving)
	r.run(func() {
		select {
		case <-r.ctx.Done():
		case <-agent.Left():
			close(r.left)
		}
	})
	return nil
}

// tags are what other nodes need before the first transfer.
func (r *Runtime) tags() map[string]string {
	n := r.primary.Node()
	return map[string]string{
		"v": "1", "zone": r.cfg.Origin, "dns": r.cfg.Transfer.String(),
		"epoch": r.primary.Version().Epoch, "state": string(n.State), "region": n.Region,
		"asterfed": software(),
		sharedTag:  sharedDigest(&r.cfg),
	}
}

// followTags keeps the tags level with the node's own state.
func (r *Runtime) followTags() {
	last := ""
	for {
		bell := r.primary.Changed()
		if state := string(r.primary.Node().State) + r.primary.Version().Epoch; state != last {
			last = state
			if err := r.agent.SetTags(r.tags()); err != nil && r.ctx.Err() == nil {
				r.log.Warn("tags not set", "err", err)
			}
		}
		select {
		case <-r.ctx.Done():
			return
		case <-bell:
		}
	}
}

// Left is closed when the node was told to leave the federation.
func (r *Runtime) Left() <-chan struct{} { return r.left }

// Leave tells the others that this node goes on purpose.
func (r *Runtime) Leave() error { return r.agent.Leave() }

// Stop ends everything without leaving the federation: the others keep this
// node's users as long as its Asterisk answers.
func (r *Runtime) Stop() error {
	r.cancel()
	r.tidy.Stop()
	var err error
	if r.agent != nil {
		err = r.agent.Shutdown()
	}
	r.tasks.Wait()
	if r.live != nil {
		r.live.Close()
	}
	if r.primary != nil {
		err = errors.Join(err, r.primary.Close(), r.updates.close())
	}
	r.unlock()
	return err
}
