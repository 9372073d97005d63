package simulation

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"time"
)

// options say what is simulated.
type options struct {
	Nodes   int
	Sample  int           // nodes connected with all others; 0 means all
	Users   int           // in the whole federation
	Changes float64       // per second, in the whole federation
	Loss    float64       // of each packet
	Window  time.Duration // of each measurement
	Cut     time.Duration // how long the partition lasts
	Seed    uint64
	Dir     string // for the journals of the nodes that die
	Done    func(act string)
}

// report is what a run has measured. Times are virtual.
type report struct {
	options
	Joined, Connected   time.Duration // until Serf knows all, until all zones are held
	Gossip, Quiet, Busy cost          // Serf alone, with heartbeats, with changes
	Conns               float64       // TCP connections of a node
	Memory              float64       // of a node, octets
	Lag                 []time.Duration
	Host, Process       death
	Heal, HealSerf      time.Duration // after the partition
	FalseGone           int           // nodes called gone that were not
	FalseFailed         int           // by Serf
	Wrong, Asked        int           // answers at the end
}

// death is how the others learnt of a node's death and return.
type death struct {
	Gone, Failed []time.Duration // at each other node, sorted: the plugin's rule, Serf's
	Return       time.Duration   // until all is as before
}

// patience bounds every wait.
const patience = 5 * time.Minute

// afterDeath is how long Serf has to notice too.
const afterDeath = 5 * time.Second

// play is a scenario under way.
type play struct {
	options
	fed   *federation
	users *users
	r     *report
}

// run plays the scenario: nodes join, connect, and hold what users change;
// a host dies and comes back; so do the processes of another one; the network
// is cut in two and healed. It must run in a synctest bubble.
func run(o options) (r *report, err error) {
	if o.Sample == 0 || o.Sample > o.Nodes {
		o.Sample = o.Nodes
	}
	f := newFederation(o.Nodes, o.Sample, o.Loss, o.Seed, map[int]string{1: filepath.Join(o.Dir, "1"), 2: filepath.Join(o.Dir, "2")})
	p := &play{options: o, fed: f, users: newUsers(f, o.Users, o.Changes, o.Seed), r: &report{options: o}}
	defer f.Stop()
	for _, act := range []struct {
		name string
		play func() error
	}{{"join", p.join}, {"connect", p.connect}, {"work", p.work}, {"host dies", p.hostDies}, {"process dies", p.processDies},
		{"partition", p.partition}, {"end", p.end}} {
		if err := act.play(); err != nil {
			return p.r, fmt.Errorf("%d nodes: %s: %w", o.Nodes, act.name, err)
		}
		o.Done(act.name)
	}
	return p.r, nil
}

// join measures Serf alone.
func (p *play) join() (err error) {
	began, base := time.Now(), memory()
	if err := p.fed.start(); err != nil {
		return err
	}
	if _, err = until("Serf knows all nodes", patience, p.fed.whole); err != nil {
		return err
	}
	p.r.Joined = time.Since(began)
	time.Sleep(3 * time.Second) // what is still queued
	p.fed.faults.begin()
	p.r.Gossip = p.fed.measure(p.Window)
	p.r.Memory = -base
	return p.users.register()
}

// connect measures the full mesh at rest.
func (p *play) connect() (err error) {
	before := memory()
	p.fed.Connect()
	if p.r.Connected, err = until("all zones are held", patience, p.fed.level); err != nil {
		return err
	}
	time.Sleep(2 * time.Second)
	p.r.Memory = p.fed.perNode(before+p.r.Memory, memory()+p.r.Memory)
	var conns int64
	for _, n := range p.fed.nodes[:p.Sample] {
		conns += n.host.Transfer.Conns.Load()
	}
	p.r.Conns = float64(conns) / float64(p.Sample)
	p.r.Quiet = p.fed.measure(p.Window)
	p.r.Quiet.CPU = p.fed.perNode(p.r.Gossip.CPU, p.r.Quiet.CPU)
	return nil
}

// work measures the full mesh while users move.
func (p *play) work() error {
	p.moving(func() {
		time.Sleep(time.Second)
		p.fed.lag.window(true)
		p.r.Busy = p.fed.measure(p.Window)
		p.fed.lag.window(false)
	})
	time.Sleep(time.Second)
	p.r.Lag = p.fed.lag.take()
	p.r.Busy.CPU = p.fed.perNode(p.r.Gossip.CPU, p.r.Busy.CPU)
	p.r.Gossip.CPU /= float64(p.Nodes)
	p.alarms()
	return p.users.err
}

// moving runs f while users move.
func (p *play) moving(f func()) {
	ctx, stop := context.WithCancel(context.Background())
	var w sync.WaitGroup
	w.Go(func() { p.users.run(ctx) })
	f()
	stop()
	w.Wait()
}

// alarms adds up what was found in error since the last fault began.
func (p *play) alarms() {
	_, g := p.fed.faults.end(gone)
	_, s := p.fed.faults.end(serfFailed)
	p.r.FalseGone += g
	p.r.FalseFailed += s
	p.fed.faults.begin()
}

// hostDies switches a host off: nothing answers any more.
func (p *play) hostDies() (err error) {
	v := p.fed.nodes[1]
	p.r.Host, err = p.dies(v, func() { v.host.off.Store(true) }, func() { v.host.off.Store(false) })
	return err
}

// processDies kills asterfed and Asterisk; the kernel closes their sockets.
func (p *play) processDies() (err error) {
	v := p.fed.nodes[2]
	p.r.Process, err = p.dies(v, func() { v.host.sip.Store(false) }, func() { v.host.sip.Store(true) })
	return err
}

func (p *play) dies(v *node, down, up func()) (d death, err error) {
	p.moving(func() {
		p.users.set(v, false)
		p.fed.faults.begin()
		down()
		if err = v.stop(); err != nil {
			return
		}
		_, err = until("the dead node is hidden", patience, func() bool { return p.fed.hidden(v) })
		time.Sleep(afterDeath)
	})
	if err != nil {
		return d, err
	}
	d.Gone, _ = p.fed.faults.end(gone)
	d.Failed, _ = p.fed.faults.end(serfFailed)
	p.alarms()
	up()
	if err := v.start(p.fed.nodes[0].host); err != nil {
		return d, err
	}
	v.mesh.Store(true)
	p.users.set(v, true)
	d.Return, err = until("the node is back", patience, func() bool { return p.fed.level() && p.fed.whole() })
	p.alarms()
	return d, err
}

// partition cuts the network in two, and users go on moving on both sides.
func (p *play) partition() (err error) {
	p.moving(func() {
		for i, n := range p.fed.nodes {
			n.host.side.Store(int32(i % 2))
		}
		time.Sleep(p.Cut)
	})
	p.alarms()
	for _, n := range p.fed.nodes {
		n.host.side.Store(0)
	}
	began := time.Now()
	if p.r.Heal, err = until("all zones are level again", patience, p.fed.level); err != nil {
		return err
	}
	_, err = until("Serf is whole again", patience, p.fed.whole)
	p.r.HealSerf = time.Since(began)
	p.alarms()
	return err
}

// end asks every node for every user.
func (p *play) end() error {
	p.moving(func() { time.Sleep(time.Second) })
	if _, err := until("all zones are level", patience, p.fed.level); err != nil {
		return err
	}
	p.r.Wrong, p.r.Asked = p.users.ask()
	return p.users.err
}
