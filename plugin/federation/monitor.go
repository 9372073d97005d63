package federation

import (
	"context"
	"net"
	"regexp"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami"
	"github.com/asterfed/asterfed/plugin/federation/sip"
	"github.com/asterfed/asterfed/zone"
)

// How long an Asterisk may take to answer OPTIONS: that of another node with
// profile wan gets longer.
const (
	pingTimeout    = 600 * time.Millisecond
	wanPingTimeout = 1500 * time.Millisecond
)

// monitor decides whether this node's own Asterisk is alive, and says so at
// the apex of the home zone. AMI alone does not decide: a manager that was
// restarted or a wrong password hides nobody whose Asterisk answers SIP.
type monitor struct {
	r      *Runtime
	last   atomic.Pointer[ami.Status]
	change chan ami.Status
	open   atomic.Bool // Asterisk has answered SIP: its port is watched
	closed chan struct{}
	// draining: the operator wants calls to go elsewhere.
	draining atomic.Bool
}

func newMonitor(r *Runtime) *monitor {
	m := &monitor{r: r, change: make(chan ami.Status, 64), closed: make(chan struct{}, 1)}
	m.last.Store(&ami.Status{})
	if r.cfg.Asterisk.Addr != "" {
		r.run(m.watch)
		r.run(m.watchPort)
	}
	return m
}

// status takes a report of the AMI source.
func (m *monitor) status(s ami.Status) {
	m.last.Store(&s)
	select {
	case m.change <- s:
	case <-m.r.ctx.Done():
	}
}

// ready reports whether AMI is connected and the registrations are listed.
func (m *monitor) ready() bool { return m.last.Load().State == ami.Ready }

func (m *monitor) watch() {
	recheck := make(<-chan time.Time)
	silent, shut := false, false // AMI does not answer, the SIP port is closed
	for {
		select {
		case <-m.r.ctx.Done():
			return
		case s := <-m.change:
			switch {
			case s.State == ami.Ready:
				silent, shut = false, false
				m.set(zone.Up, s.Version, "AMI")
				m.open.Store(m.answers() == nil)
			case s.State == ami.Down && s.Shutdown:
				silent = true
				m.set(zone.Down, "", "Asterisk announced its shutdown")
			case s.State == ami.Down:
				silent = true
			}
		case <-m.closed:
			shut = true
		case <-recheck:
		}
		if silent || shut {
			shut = !m.ping() && shut
			recheck = time.After(pingTimeout)
		}
	}
}

// answers asks the own Asterisk over SIP.
func (m *monitor) answers() error {
	ctx, cancel := context.WithTimeout(m.r.ctx, pingTimeout)
	defer cancel()
	return ping(ctx, zone.Node{Addrs: m.r.cfg.Listen, SIP: m.r.cfg.OwnSIP})
}

// ping decides by SIP while AMI is silent, or says what SIP does not.
func (m *monitor) ping() bool {
	err := m.answers()
	switch {
	case err != nil:
		m.set(zone.Down, "", err.Error())
	case m.last.Load().Shutdown: // on its way down, or up again: AMI will tell
	default:
		m.set(zone.Up, "", "SIP OPTIONS")
		m.open.Store(true)
	}
	return err == nil
}

var unprintable = regexp.MustCompile(`[^A-Za-z0-9._~+:-]+`)

func (m *monitor) set(state zone.NodeState, version, why string) {
	was := m.r.primary.Node().State
	m.r.primary.SetNode(func(n *zone.Node) {
		if state == zone.Up {
			state = m.live() // here, lest a drain that has just begun be undone
		}
		n.State = state
		if version != "" {
			n.Asterisk = unprintable.ReplaceAllString(version, "_")
		}
	})
	if was != state {
		m.r.log.Info("own Asterisk", "state", state, "was", was, "why", why)
	}
}

// ping asks a node's Asterisk at its first address over the first SIP transport
// it names, if it is TLS by a connection alone.
func ping(ctx context.Context, n zone.Node) error {
	if len(n.Addrs) == 0 {
		return errNoSIP
	}
	host, err := n.Addrs[0].String(), errNoSIP
	for _, t := range n.SIP {
		addr := net.JoinHostPort(host, strconv.Itoa(int(t.Port)))
		if t.Proto != "tls" {
			return sip.Options(ctx, t.Proto, addr)
		}
		err = sip.Connect(ctx, addr)
	}
	return err
}
