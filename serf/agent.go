package serf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/asterfed/asterfed/serf/gate"
	"github.com/hashicorp/memberlist"
	hagent "github.com/hashicorp/serf/cmd/serf/command/agent"
	hserf "github.com/hashicorp/serf/serf"
)

// Agent is this node's membership in the federation. All methods are safe for
// concurrent use.
type Agent struct {
	log   *slog.Logger
	agent *hagent.Agent
	ipc   *hagent.AgentIPC // nil without RPC
	rpc   net.Listener     // nil without RPC

	joiner *joiner

	cancel  context.CancelFunc // ends the background work
	work    sync.WaitGroup     // the joiner, which saves the peer list
	tags    sync.Mutex         // one SetTags at a time
	ending  sync.Mutex         // one Leave or Shutdown at a time
	left    chan struct{}
	once    sync.Once // closes left
	ordered bool      // we asked for the shutdown; guarded by ending
	err     error     // why left is closed; guarded by ending
}

// Start binds gossip and RPC and returns; seeds are joined in the background,
// for as long as it takes. ctx covers Start itself only: the agent lives until
// Shutdown.
func Start(ctx context.Context, c Config) (*Agent, error) {
	if err := Check(c); err != nil {
		return nil, err
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.retry == (retry{}) {
		c.retry = defaultRetry
	}
	if c.DataDir != "" {
		if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
			return nil, fmt.Errorf("create data directory: %w", err)
		}
	}
	sc, err := serfConfig(c)
	if err != nil {
		return nil, err
	}
	ring, err := openKeyring(c.KeyFile, sc.KeyringFile, c.Logger)
	if err != nil {
		return nil, err
	}
	if ring == nil {
		c.Logger.Warn("no gossip key: anyone who reaches the gossip port can join")
	}
	sc.MemberlistConfig.Keyring = ring

	a := &Agent{log: c.Logger, left: make(chan struct{})}
	if err := a.open(ctx, c, sc); err != nil {
		return nil, err
	}
	return a, nil
}

// open binds the sockets and starts everything that runs.
func (a *Agent) open(ctx context.Context, c Config, sc *hserf.Config) (err error) {
	// The RPC ring of recent lines serves `serf monitor`.
	recent := hagent.NewLogWriter(512)
	out := io.MultiWriter(gate.NewLog(c.Logger), recent)

	var rpcKey string
	if c.RPC != "" {
		if rpcKey, err = a.openRPC(ctx, c); err != nil {
			return err
		}
		defer func() {
			if err != nil {
				a.rpc.Close()
			}
		}()
	}
	admit := &gate.Admission{Self: c.Node, Zone: c.Tags[gate.ZoneTag], Log: c.Logger}
	transport, err := openGossip(c, sc, admit, out)
	if err != nil {
		return err
	}
	known, err := openPeers(c.Node, c.path("serf.peers.json"))
	if err != nil {
		c.Logger.Error("peer list unreadable; starting with an empty one", "err", err)
	}
	if a.agent, err = hagent.Create(hagent.DefaultConfig(), sc, out); err != nil {
		transport.Abandon()
		return fmt.Errorf("create Serf agent: %w", err)
	}
	seen := newObserver(c.Node, c.OnEvent, a.Members)
	if c.OnTags != nil {
		seen.own = c.OnTags
	}
	a.agent.RegisterEventHandler(seen)
	a.agent.RegisterEventHandler(known)
	a.agent.RegisterEventHandler(newAnswerer(c.OnQuery, sc.MemberlistConfig.Keyring, c.Logger))
	if err := a.agent.Start(); err != nil {
		transport.Abandon()
		return fmt.Errorf("start Serf agent: %w", err)
	}
	if a.rpc != nil {
		a.ipc = hagent.NewAgentIPC(a.agent, rpcKey, a.rpc, out, recent, false)
	}

	run, cancel := context.WithCancel(context.Background())
	a.cancel = cancel
	a.joiner = &joiner{
		seeds: seeds{list: c.Join}, peers: known, retry: c.retry, log: c.Logger, admit: admit, known: transport.Know,
		members: a.Members, self: a.self, join: a.join, conflict: a.conflict,
	}
	a.work.Go(func() { a.joiner.run(run) })
	go seen.run(run, c.retry.tick)
	go a.watch()
	return nil
}

// openRPC opens the socket of the RPC and returns the key that its clients must
// present, "" if there is none.
func (a *Agent) openRPC(ctx context.Context, c Config) (key string, err error) {
	if c.RPCKeyFile == "" {
		c.Logger.Warn("Serf RPC asks for no key: every user of this machine can read the gossip keys", "addr", c.RPC)
	} else if key, err = openRPCKey(c.RPCKeyFile); err != nil {
		return "", err
	}
	if !loopback(c.RPC) {
		c.Logger.Warn("Serf RPC is open to other machines and not encrypted: anybody who can read the traffic sees its key and the gossip keys", "addr", c.RPC)
	}
	a.rpc, err = listenRPC(ctx, c.RPC)
	return key, err
}

// openGossip opens the gossip sockets and puts the gate between them and Serf.
func openGossip(c Config, sc *hserf.Config, admit *gate.Admission, out io.Writer) (*gate.Transport, error) {
	sockets, err := listenGossip(c.Bind, out)
	if err != nil {
		return nil, err
	}
	var lower memberlist.NodeAwareTransport = sockets
	if c.wrap != nil {
		lower = c.wrap(sockets)
	}
	ml, watched := sc.MemberlistConfig, false
	t := gate.NewTransport(lower, func(own netip.AddrPort) {
		admit.SetOwn(own)
		if !watched { // Serf has set its delegate, and nothing runs yet
			watched = true
			ml.Delegate = gate.WatchKeys(ml.Delegate, keyID, c.Logger)
		}
	}, c.Logger)
	ml.Transport, ml.BindPort = t, sockets.GetAutoBindPort()
	ml.Alive, ml.Merge = admit, admit
	return t, nil
}

func (a *Agent) self() Member { return memberOf(a.agent.Serf().LocalMember()) }

// Members returns all members that Serf knows, this one among them, failed
// and left ones too.
func (a *Agent) Members() []Member {
	list := a.agent.Serf().Members()
	members := make([]Member, len(list))
	for i, m := range list {
		members[i] = memberOf(m)
	}
	return members
}

// SetTags replaces the tags of this member (512 bytes encoded at most) and
// returns when the change was sent.
func (a *Agent) SetTags(tags map[string]string) error {
	if err := checkTags(tags); err != nil {
		return err
	}
	a.tags.Lock()
	defer a.tags.Unlock()
	if s := a.agent.Serf().State(); s != hserf.SerfAlive {
		return fmt.Errorf("set tags: agent is %s", s)
	}
	if err := a.agent.SetTags(copyTags(tags)); err != nil {
		return fmt.Errorf("set tags: %w", err)
	}
	return nil
}

// Distance estimates the round-trip time between members x and y from their
// Vivaldi coordinates; false while either is unknown or not yet settled. For
// this node's own distances a measured time is better.
func (a *Agent) Distance(x, y string) (time.Duration, bool) {
	cx, _ := a.agent.Serf().GetCachedCoordinate(x)
	cy, _ := a.agent.Serf().GetCachedCoordinate(y)
	return distance(cx, cy)
}

func (a *Agent) join(addr string) error {
	s := a.agent.Serf()
	if s.State() != hserf.SerfAlive {
		return errors.New("join: agent has left")
	}
	// Not Serf's Join: that lets only one address be tried at a time, and an
	// operator's join would wait behind one that swallows packets.
	_, err := s.Memberlist().Join([]string{addr})
	return err
}
