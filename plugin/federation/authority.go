package federation

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/config"
	fednode "github.com/asterfed/asterfed/plugin/federation/node"
	"github.com/asterfed/asterfed/plugin/federation/secondary"
	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/datadir"
	"github.com/asterfed/asterfed/zone/dnssec"
	"github.com/asterfed/asterfed/zone/history"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/outbound"
	"github.com/asterfed/asterfed/zone/peer"
	"github.com/asterfed/asterfed/zone/primary"
	"github.com/asterfed/asterfed/zone/stream"
	"github.com/coredns/caddy"
	"github.com/miekg/dns"
)

// node is what the DNS side needs of the node that is at work: *fednode.Node.
type node interface {
	Peer(node string) *peer.Peer
	Transferable() bool
	Recovered() bool
	Published()
	Ready() bool
	Allows(location.AOR) bool
	Status(owner string) []dns.RR
	LiveZone() (stream.Zone, error)
	LiveChannels(owner string) ([]dns.RR, error)
	History() *history.Log
	Metrics() fednode.Metrics
	Left() <-chan struct{}
	Err() error
	Stop() error
}

// authority is one federation zone that this process serves: the node at work, and
// what only the DNS side needs. It is claimed when a Corefile is read, starts once
// and lives until stop, whatever CoreDNS reloads meanwhile. Its fields do not change
// between start and stop.
type authority struct {
	cfg  config.Config
	log  *slog.Logger
	data *datadir.Dir // nil until it is locked

	node    node // nil until it is started
	zone    *answer.Zone
	primary *primary.Primary
	clock   *location.Clock

	updates  *updates
	outbound *outbound.Zone
	// secondaryAsked is called for each request that the key of a secondary has signed.
	secondaryAsked func(key string, from netip.Addr)
	signer         *dnssec.Signer // nil where the zone is not signed

	ctx    context.Context
	cancel context.CancelFunc
	tasks  sync.WaitGroup
	atWork atomic.Bool // there is a node
	parted atomic.Bool // the node has left; for the Registry
}

// newAuthority returns an authority that has opened nothing yet.
func newAuthority(cfg config.Config, log *slog.Logger) *authority {
	r := &authority{cfg: cfg, log: log}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r
}

// lock locks the data directory, unless it is locked: nothing in it may be read
// before, since what reads also repairs.
func (r *authority) lock() (err error) {
	if r.data == nil {
		r.data, err = datadir.Lock(r.cfg.Data)
	}
	return err
}

// unlock gives the data directory back. Nothing may use it any more.
func (r *authority) unlock() {
	r.data.Unlock()
	r.data = nil
}

// start starts the node and what answers for it. An error means that nothing is
// left open.
func (r *authority) start() (err error) {
	defer func() {
		if err != nil {
			r.stop()
		}
	}()
	if err := r.lock(); err != nil {
		return err
	}
	if len(r.cfg.DNSSEC) > 0 {
		keys, err := dnssec.ReadKeys(r.cfg.DNSSEC, r.cfg.Origin, time.Now())
		if err != nil {
			return err
		}
		r.signer = dnssec.New(r.cfg.Origin, keys, time.Now)
		r.run(r.followKeys)
	}
	n, err := fednode.Start(fednode.Config{Settings: &r.cfg, Version: caddy.AppVersion, Logger: r.log})
	if err != nil {
		return err
	}
	r.serve(n, n.View(), n.Primary(), n.Clock())
	r.updates = newUpdates(r, n.Boot())
	r.outbound = outbound.Open(outbound.Config{View: r.zone, Data: r.cfg.Data, Boot: n.Boot(), Followed: len(r.cfg.Secondaries) > 0,
		Logger: r.log.With("source", "outbound")})
	r.run(func() { r.outbound.Run(r.ctx) })
	r.notifySecondaries()
	return nil
}

// serve makes a node the one that is asked.
func (r *authority) serve(n node, v *answer.Zone, p *primary.Primary, c *location.Clock) {
	r.node, r.zone, r.primary, r.clock = n, v, p, c
	r.atWork.Store(true)
}

func (r *authority) run(f func()) { r.tasks.Go(f) }

// stop ends everything without leaving the federation: the others keep this node's
// users as long as its Asterisk answers.
func (r *authority) stop() error {
	r.cancel()
	var err error
	if r.node != nil {
		err = r.node.Stop()
	}
	r.tasks.Wait()
	err = errors.Join(err, r.updates.close())
	r.unlock()
	return err
}

// notifySecondaries begins to notify the secondaries of new serials.
func (r *authority) notifySecondaries() {
	c := secondary.Config{Origin: r.cfg.Origin, Listen: r.cfg.Listen, Serial: r.outbound.Serial, SOA: r.zone.SOA, Logger: r.log,
		Count: func(to, result string) { notifyCount.WithLabelValues(r.cfg.Origin, to, result).Inc() }}
	for _, s := range r.cfg.Secondaries {
		for _, a := range s.Addrs {
			c.Targets = append(c.Targets, secondary.Target{Addr: a, Key: s.Key})
		}
	}
	n := secondary.New(c)
	r.secondaryAsked = n.Asked
	r.run(func() { n.Run(r.ctx) })
}
