package liveness

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"regexp"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami"
	"github.com/asterfed/asterfed/zone/record"
)

// Apex is where the verdict on this node stands: *primary.Primary.
type Apex interface {
	Node() record.Node
	SetNode(func(*record.Node)) error
}

// Monitor decides whether this node's own SIP server is alive, and says so at
// the apex of the home zone. With AMI it follows AMI's reports, which do not
// decide alone: a manager that was restarted or a wrong password hides nobody
// whose Asterisk answers SIP. Without AMI it asks the SIP server itself.
type Monitor struct {
	cfg    MonitorConfig
	last   atomic.Pointer[ami.Status]
	change chan ami.Status
	open   atomic.Bool   // the server has answered SIP: its port is watched
	closed chan struct{} // the port was open, and is closed
	// draining: the operator wants calls to go elsewhere.
	draining atomic.Bool
	askAt    func(context.Context, netip.Addr) error // asks the SIP server at an address
}

// MonitorConfig says where this node's SIP server is. All fields are required.
type MonitorConfig struct {
	Addrs []netip.Addr       // on this machine
	SIP   []record.Transport // none: there is nothing to ask
	AMI   bool               // reports come by Status
	Apex  Apex
	// Logger says when the state changes.
	Logger *slog.Logger
}

// NewMonitor returns a monitor that does nothing until Run.
func NewMonitor(c MonitorConfig) *Monitor {
	m := &Monitor{cfg: c, change: make(chan ami.Status, 64), closed: make(chan struct{}, 1)}
	m.askAt = func(ctx context.Context, a netip.Addr) error { return askAt(ctx, a, c.SIP) }
	m.last.Store(&ami.Status{})
	return m
}

// Run watches until ctx ends.
func (m *Monitor) Run(ctx context.Context) {
	var tasks sync.WaitGroup
	defer tasks.Wait()
	switch {
	case m.cfg.AMI:
		tasks.Go(func() { m.followAMI(ctx) })
	case len(m.cfg.SIP) > 0:
		tasks.Go(func() { m.followSIP(ctx) })
	default:
		return
	}
	tasks.Go(func() { m.watchPort(ctx) })
	tasks.Go(func() { m.watchAddrs(ctx) })
}

// Status takes a report of the AMI source. It waits while Run is behind, until
// ctx ends.
func (m *Monitor) Status(ctx context.Context, s ami.Status) {
	m.last.Store(&s)
	select {
	case m.change <- s:
	case <-ctx.Done():
	}
}

// AMI returns the last report of the AMI source.
func (m *Monitor) AMI() ami.Status { return *m.last.Load() }

// Ready reports whether AMI is connected and the registrations are listed.
func (m *Monitor) Ready() bool { return m.last.Load().State == ami.Ready }

// followAMI sets the state by what AMI reports, and by SIP while AMI is silent.
func (m *Monitor) followAMI(ctx context.Context) {
	recheck := make(<-chan time.Time)
	silent, shut := false, false // AMI does not answer, the SIP port is closed
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-m.change:
			switch {
			case s.State == ami.Ready:
				silent, shut = false, false
				m.set(record.Up, s.Version, "AMI")
				m.open.Store(m.ask(ctx) == nil)
			case s.State == ami.Down && s.Shutdown:
				silent = true
				m.set(record.Down, "", "Asterisk announced its shutdown")
			case s.State == ami.Down:
				silent = true
			}
		case <-m.closed:
			shut = true
		case <-recheck:
		}
		if silent || shut {
			shut = !m.decide(ctx) && shut
			recheck = time.After(Patience)
		}
	}
}

// ask asks the own SIP server.
func (m *Monitor) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	return ask(ctx, m.cfg.Addrs, m.askAt)
}

// decide decides by SIP while AMI is silent, or says what SIP does not, and
// returns whether the server has answered.
func (m *Monitor) decide(ctx context.Context) bool {
	err := m.ask(ctx)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		m.set(record.Down, "", err.Error())
	case m.last.Load().Shutdown: // on its way down, or up again: AMI will tell
	default:
		m.set(record.Up, "", "SIP OPTIONS")
		m.open.Store(true)
	}
	return err == nil
}

// sipPeriod is how often a SIP server without AMI is asked while it answers; a
// port that closes is noticed by watchPort before.
const sipPeriod = 2 * time.Second

// neverLimit is after how long a SIP server that has never answered is warned of.
const neverLimit = 10 * time.Second

// followSIP sets the state of a node without AMI. The server is down when two
// questions in a row were not answered, or when its port is closed. One that has
// never answered proves nothing: it may not take OPTIONS at all.
func (m *Monitor) followSIP(ctx context.Context) {
	known := m.cfg.Apex.Node().State == record.Down // it has answered an earlier process
	warned := false
	for began, failures := time.Now(), 0; ; {
		err, wait := m.ask(ctx), sipPeriod
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			known, failures = true, 0
			m.set(record.Up, "", "SIP OPTIONS")
			m.open.Store(true)
		case known:
			wait = Patience
			if failures++; failures > 1 || errors.Is(err, syscall.ECONNREFUSED) {
				m.set(record.Down, "", err.Error())
			}
		case !warned && time.Since(began) > neverLimit:
			warned = true
			m.cfg.Logger.Warn("own SIP server has never answered OPTIONS", "why", err,
				"remedy", "start it, or correct the sip and address lines: calls to this node wait for an answer until the caller gives up")
		}
		select {
		case <-ctx.Done():
			return
		case <-m.closed:
		case <-time.After(wait):
		}
	}
}

var unprintable = regexp.MustCompile(`[^A-Za-z0-9._~+:-]+`)

// Printable returns a version as it may stand in a TXT record and in a log.
func Printable(version string) string { return unprintable.ReplaceAllString(version, "_") }

func (m *Monitor) set(state record.NodeState, version, why string) {
	was := m.cfg.Apex.Node().State
	m.cfg.Apex.SetNode(func(n *record.Node) {
		if state == record.Up {
			state = m.upState() // asked here: a drain may have begun just now
		}
		n.State = state
		if version != "" {
			n.Asterisk = Printable(version)
		}
	})
	what := "own Asterisk"
	if !m.cfg.AMI {
		what = "own SIP server"
	}
	switch {
	case was == state:
	case state == record.Down:
		m.cfg.Logger.Warn(what, "state", state, "was", was, "why", why, "remedy", "start it; this node's users are hidden everywhere until it answers")
	default:
		m.cfg.Logger.Info(what, "state", state, "was", was, "why", why)
	}
}

// Drain makes the node's state draining instead of up, or ends that.
func (m *Monitor) Drain(on bool) {
	if m.draining.Swap(on) == on {
		return
	}
	m.cfg.Apex.SetNode(func(n *record.Node) {
		if n.State != record.Down {
			n.State = m.upState()
		}
	})
	m.cfg.Logger.Info("draining", "on", on, "state", m.cfg.Apex.Node().State)
}

// upState is the state of a node whose SIP server answers.
func (m *Monitor) upState() record.NodeState {
	if m.draining.Load() {
		return record.Draining
	}
	return record.Up
}
