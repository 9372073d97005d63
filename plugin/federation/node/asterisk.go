package node

import (
	"context"
	"log/slog"

	"github.com/asterfed/asterfed/plugin/federation/ami"
	"github.com/asterfed/asterfed/plugin/federation/ami/live"
	"github.com/asterfed/asterfed/plugin/federation/ami/pbx"
	"github.com/asterfed/asterfed/plugin/federation/ami/registrations"
	"github.com/asterfed/asterfed/plugin/federation/config"
	"github.com/asterfed/asterfed/plugin/federation/liveness"
	"github.com/asterfed/asterfed/plugin/federation/source"
	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/primary"
)

// asterisk is this node's own Asterisk: what is followed over AMI, and whether it
// takes calls. A node without AMI has a monitor, trunks and services alone, of
// which the last two publish nothing.
type asterisk struct {
	monitor  *liveness.Monitor
	trunks   *source.Trunks
	services *source.Services
	client   *ami.Client           // nil without AMI, as the next two
	source   *registrations.Source // a part of the client
	live     *live.Live
	tasks    *tasks
}

type asteriskConfig struct {
	settings *config.Config
	primary  *primary.Primary
	clock    *location.Clock
	view     *answer.Zone
	recovery *recovery
	permits  func(location.AOR) bool
	names    *names
	peers    *peers
	tasks    *tasks
	log      *slog.Logger
}

// newAsterisk reads the files of trunks, and begins to watch the SIP port. AMI waits
// for run.
func newAsterisk(c asteriskConfig) *asterisk {
	s := c.settings
	withAMI := s.Asterisk.Addr != ""
	a := &asterisk{tasks: c.tasks,
		monitor: liveness.NewMonitor(liveness.MonitorConfig{Addrs: s.Listen, SIP: s.OwnSIP, AMI: withAMI, Apex: c.primary, Logger: c.log}),
		trunks:  source.NewTrunks(source.TrunksConfig{File: s.Trunks, Primary: c.primary, Logger: c.log}),
		services: source.NewServices(source.ServicesConfig{Patterns: s.Services, Primary: c.primary, Logger: c.log,
			Stamp: func(b location.Binding) location.Stamp { return c.clock.Next(c.view.Newest(b)) }})}
	c.tasks.run(a.monitor.Run)
	a.trunks.Read()
	c.tasks.run(a.trunks.Run)
	if !withAMI {
		c.recovery.listed.Store(true)
		return a
	}
	former := func(name string) bool { return c.names.had(name) && c.peers.member(name) == nil }
	a.live = live.New(live.Config{Addr: s.Asterisk.Addr, User: s.Asterisk.User, Secret: s.Asterisk.Secret, Former: former})
	kept := newCheckpoint(c)
	log := c.log.With("source", "ami")
	a.source = registrations.New(registrations.Config{
		Listener: source.Registrations{Primary: c.primary, Sweeping: func() { c.recovery.swept.Store(true) }},
		Rivals:   c.view.Contested, Permit: c.permits, Former: former, Mark: c.clock.Mark, Keep: kept.keep, Before: kept.before(), Logger: log.With("asterisk", s.Asterisk.Addr),
		Held: func(t location.Kind) (n int) {
			c.primary.Read(func(s *location.Store) { n = s.Count(t) })
			return n
		}})
	a.client = ami.New(ami.Config{Addr: s.Asterisk.Addr, User: s.Asterisk.User, Secret: s.Asterisk.Secret, Report: a.reporter(c), Logger: log},
		a.parts()...)
	return a
}

// parts are what follows Asterisk: registrations, and trunks and services where the
// Corefile wants them.
func (a *asterisk) parts() []ami.Part {
	parts := []ami.Part{a.source}
	if a.trunks.Follows() {
		parts = append(parts, pbx.NewTrunks(a.trunks))
	}
	if a.services.Any() {
		parts = append(parts, pbx.NewServices(a.services))
	}
	return parts
}

// reporter returns what takes the state of the connection to Asterisk.
func (a *asterisk) reporter(c asteriskConfig) func(ami.Status) {
	return func(s ami.Status) {
		if s.State == ami.Ready && !c.recovery.listed.Swap(true) {
			c.log.Info("registrations are listed", "asterisk", s.Version, "bindings", c.view.Find(c.settings.Node).Len())
		}
		c.names.add(s.SystemName)
		a.monitor.Status(a.tasks.ctx, s)
	}
}

// run follows Asterisk over AMI until ctx ends.
func (a *asterisk) run(ctx context.Context) {
	if a.client != nil {
		a.client.Run(ctx)
	}
}

func (a *asterisk) close() {
	if a.live != nil {
		a.live.Close()
	}
}
