package liveness

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
)

// Detector finds out what the silence of another node means. A connection that
// ends proves nothing; a node is gone only when the connection is lost, a new
// one cannot be made, and its SIP server does not answer OPTIONS. A node whose
// SIP server answers keeps its users, ranked last (view.Orphan).
//
// Heard, Lost and Leave may be called from any goroutine and do not block.
type Detector struct {
	cfg   DetectorConfig
	quiet chan struct{} // the node has fallen silent: Run asks its SIP server

	mu       sync.Mutex
	losses   int           // since the node was last heard
	lastLoss error         // what the last of them says
	since    time.Time     // when it fell silent
	checked  bool          // OPTIONS has an answer since
	alive    bool          // that answer
	heard    chan struct{} // closed when the node is heard; nil while it is

	setting sync.Mutex // one verdict at a time
	left    bool
}

// DetectorConfig says which node, and how it is asked. All fields but Gossip are
// required.
type DetectorConfig struct {
	Home *view.Home
	// Ask returns nil if the node's SIP server answers before ctx ends.
	Ask func(ctx context.Context) error
	// Patience is how long that may take.
	Patience time.Duration
	// Gossip reports whether Serf reaches the node, for the log alone.
	Gossip func() bool
	Logger *slog.Logger
}

// NewDetector returns a detector whose node is heard.
func NewDetector(c DetectorConfig) *Detector {
	if c.Gossip == nil {
		c.Gossip = func() bool { return false }
	}
	return &Detector{cfg: c, quiet: make(chan struct{}, 1)}
}

// Heard is called for every message of the node.
func (d *Detector) Heard() {
	d.mu.Lock()
	silent := d.heard != nil
	if silent {
		close(d.heard)
		d.heard, d.losses, d.checked = nil, 0, false
	}
	d.mu.Unlock()
	if silent || d.cfg.Home.Reach() != view.Alive {
		d.set(view.Alive)
	}
}

// Lost is called whenever the connection to the node ends or cannot be made.
func (d *Detector) Lost(err error) {
	d.mu.Lock()
	d.losses++
	d.lastLoss = err
	if d.heard == nil {
		d.heard, d.since = make(chan struct{}), time.Now()
		select {
		case d.quiet <- struct{}{}:
		default: // Run has yet to see that it was heard: it looks again then
		}
	}
	d.mu.Unlock()
	d.cfg.Logger.Debug("connection lost", "err", err)
	d.decide()
}

// Run asks the node's SIP server while the node is silent, until ctx ends.
func (d *Detector) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.quiet:
		}
		d.mu.Lock()
		heard := d.heard
		d.mu.Unlock()
		if heard != nil {
			d.check(ctx, heard)
		}
	}
}

// tardy is how much later than its time a question may end before it says more
// about this node, which was stopped or had no CPU, than about the other. No more
// than maxTardy questions in a row are void: a node that is always late must
// come to a verdict too.
const (
	tardy    = 200 * time.Millisecond
	maxTardy = 3
)

// check asks the node's SIP server until the node is heard again: soon again at
// first, since the first question may have met a server that dies a moment after
// its asterfed, then about twice a second, every few seconds for a node that
// stays away.
func (d *Detector) check(ctx context.Context, heard <-chan struct{}) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-heard:
			cancel()
		case <-ctx.Done():
		}
	}()
	void := 0
	for wait := d.cfg.Patience / 6; ; wait = later(wait, d.cfg.Patience) {
		once, done := context.WithTimeout(ctx, d.cfg.Patience)
		began := time.Now()
		err := d.cfg.Ask(once)
		done()
		if ctx.Err() != nil {
			return
		}
		if err != nil && time.Since(began) > d.cfg.Patience+tardy && void < maxTardy {
			void++
			continue
		}
		void = 0
		d.mu.Lock()
		stale := d.heard != heard
		if !stale {
			d.checked, d.alive = true, err == nil
		}
		d.mu.Unlock()
		if stale {
			return
		}
		d.decide()
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// later returns how long to wait after the next question.
func later(wait, patience time.Duration) time.Duration {
	if wait < patience {
		return 2 * wait
	}
	return min(wait+wait/20, 5*time.Second)
}

// decide acts once the connection was lost, a second try has failed, and
// OPTIONS has been tried.
func (d *Detector) decide() {
	d.mu.Lock()
	ok := d.heard != nil && d.losses > 1 && d.checked
	alive, silent := d.alive, time.Since(d.since)
	d.mu.Unlock()
	switch {
	case !ok:
	case alive && silent > record.Expire: // RFC 1035 §3.3.13: what is this old is no answer
		d.set(view.Gone)
	case alive:
		d.set(view.Orphan)
	default:
		d.set(view.Gone)
	}
}

// Leave ends the verdicts: the node has left, whatever is still on its way.
func (d *Detector) Leave() {
	d.setting.Lock()
	defer d.setting.Unlock()
	d.left = true
	d.cfg.Home.SetReach(view.Gone)
}

// set records a verdict, and logs it once, with its cause and what to do.
func (d *Detector) set(r view.Reach) {
	d.setting.Lock()
	defer d.setting.Unlock()
	if d.left {
		return
	}
	was := d.cfg.Home.Reach()
	if !d.cfg.Home.SetReach(r) {
		return
	}
	if r == view.Alive {
		d.cfg.Logger.Info("node is alive", "was", was.String())
		return
	}
	why, remedy := d.diagnosis(r)
	d.mu.Lock()
	err := d.lastLoss
	d.mu.Unlock()
	d.cfg.Logger.Warn("node is "+r.String(), "was", was.String(), "why", why, "err", err, "remedy", remedy)
}

// diagnosis says why a node is orphan or gone, and what an administrator can do.
func (d *Detector) diagnosis(r view.Reach) (why, remedy string) {
	d.mu.Lock()
	alive := d.alive
	d.mu.Unlock()
	gossip := d.cfg.Gossip()
	switch {
	case r == view.Orphan && gossip:
		return "its DNS server does not answer over TCP; Serf reached its asterfed until now, and its SIP server answers",
			"if asterfed runs there, let this node through the firewall to the TCP port of its transfer line, else start it; its users stay, ranked last"
	case r == view.Orphan:
		return "its asterfed is silent, its SIP server answers", "start asterfed there; its users stay, ranked last"
	case alive:
		return "nothing was heard of its asterfed for a week", "start asterfed there; its users are hidden until then"
	case gossip:
		return "neither its DNS server answers over TCP nor its SIP server; Serf reached its asterfed until now",
			"if asterfed runs there, let this node through the firewall to the TCP port of its transfer line and to its SIP port, else look at that host; its users are hidden until then"
	}
	return "neither its asterfed nor its SIP server answers", "look at that host and the network to it; its users are hidden until it answers"
}
