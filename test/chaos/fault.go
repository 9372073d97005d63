package chaos

import (
	"errors"
	"fmt"
	"syscall"
	"time"
)

// kind is a kind of fault. Begin and end do it and undo it; they tell the
// world of each change, of what breaks before it does, of what heals after.
type kind struct {
	name       string
	all        bool // strikes every node
	parts      int  // into which it splits them
	least      time.Duration
	begin, end func(*Lab, step, *outage) error
}

var kinds = []*kind{
	{name: "kill-asterfed", begin: killFederator, end: startFederator},
	{name: "kill-asterisk", begin: killAsterisk, end: startAsterisk},
	{name: "kill-both", begin: killBoth, end: startBoth},
	{name: "stop-asterfed", begin: signal(syscall.SIGSTOP, false), end: signal(syscall.SIGCONT, true)},
	{name: "hang-asterisk", least: 14 * time.Second, begin: hang(true), end: hang(false)},
	{name: "cut-host", least: 6 * time.Second, begin: cutHost(1), end: cutHost(-1)},
	{name: "cut-out", least: 6 * time.Second, begin: cutOneWay(1, false), end: cutOneWay(-1, false)},
	{name: "cut-in", least: 6 * time.Second, begin: cutOneWay(1, true), end: cutOneWay(-1, true)},
	{name: "split-2", all: true, parts: 2, least: 6 * time.Second, begin: splitUp(1), end: splitUp(-1)},
	{name: "split-3", all: true, parts: 3, least: 6 * time.Second, begin: splitUp(1), end: splitUp(-1)},
	{name: "loss", begin: lose(1), end: lose(-1)},
	{name: "slow", least: 6 * time.Second, begin: slow(true), end: slow(false)},
	{name: "clock-ahead", least: 6 * time.Second, begin: setClock(jump), end: setClock(-jump)},
	{name: "clock-behind", least: 6 * time.Second, begin: setClock(-jump), end: setClock(jump)},
	{name: "disk-full", begin: func(l *Lab, s step, _ *outage) error { return l.nodes[s.nodes[0]].fillDisk() },
		end: func(l *Lab, s step, _ *outage) error { return l.nodes[s.nodes[0]].freeDisk() }},
	{name: "disk-full-kill", begin: killOnFullDisk,
		end: func(l *Lab, s step, _ *outage) error { return l.nodes[s.nodes[0]].freeDisk() }},
	{name: "ami-garbage", begin: garbage, end: amiBack},
	{name: "lose-data", begin: loseData, end: startFederator},
	{name: "corrupt-data", begin: corruptData, end: startFederator},
	{name: "restart-all", all: true, begin: killFederator, end: startFederator},
	{name: "power-cut", all: true, begin: killBoth, end: startBoth},
}

func killBoth(l *Lab, s step, o *outage) error {
	l.each(s, o, func(h *health) { h.fed, h.pbx = false, false })
	return errors.Join(killFederator(l, s, o), killAsterisk(l, s, o))
}

func startBoth(l *Lab, s step, o *outage) error {
	return errors.Join(startAsterisk(l, s, o), startFederator(l, s, o))
}

// each changes the health of the victims.
func (l *Lab) each(s step, o *outage, f func(h *health)) {
	l.w.change(o, func() {
		for _, n := range s.nodes {
			f(&l.w.health[n])
		}
	})
}

func killFederator(l *Lab, s step, o *outage) error {
	l.each(s, o, func(h *health) { h.fed = false })
	for _, n := range s.nodes {
		l.nodes[n].killFederator()
	}
	return nil
}

func startFederator(l *Lab, s step, o *outage) (err error) {
	for _, n := range s.nodes {
		err = errors.Join(err, l.nodes[n].startFederator())
	}
	l.each(s, o, func(h *health) { h.fed = true })
	return err
}

// killOnFullDisk kills a federator that cannot write, and starts it again as
// its supervisor would. It must serve what it had kept.
func killOnFullDisk(l *Lab, s step, o *outage) error {
	if err := l.nodes[s.nodes[0]].fillDisk(); err != nil {
		return err
	}
	return errors.Join(killFederator(l, s, o), startFederator(l, s, o))
}

func corruptData(l *Lab, s step, o *outage) error {
	return errors.Join(killFederator(l, s, o), l.nodes[s.nodes[0]].corruptData())
}

func loseData(l *Lab, s step, o *outage) error {
	return errors.Join(killFederator(l, s, o), l.nodes[s.nodes[0]].loseData())
}

func killAsterisk(l *Lab, s step, o *outage) error {
	l.each(s, o, func(h *health) { h.pbx = false })
	for _, n := range s.nodes {
		l.nodes[n].pbx.Kill()
	}
	return nil
}

func startAsterisk(l *Lab, s step, o *outage) (err error) {
	for _, i := range s.nodes {
		n := l.nodes[i]
		if e := n.ns.do(n.pbx.Start); e != nil {
			err = errors.Join(err, fmt.Errorf("start Asterisk of %s: %w", n.name, e))
		}
	}
	l.each(s, o, func(h *health) { h.pbx = true })
	return err
}

func signal(sig syscall.Signal, runs bool) func(*Lab, step, *outage) error {
	return func(l *Lab, s step, o *outage) error {
		if !runs {
			l.each(s, o, func(h *health) { h.fed = false })
		}
		err := l.nodes[s.nodes[0]].signal(sig)
		if runs {
			l.each(s, o, func(h *health) { h.fed = true })
		}
		return err
	}
}

func hang(on bool) func(*Lab, step, *outage) error {
	return func(l *Lab, s step, o *outage) error {
		if on {
			l.each(s, o, func(h *health) { h.hung = true })
			return l.nodes[s.nodes[0]].hang(true)
		}
		err := l.nodes[s.nodes[0]].hang(false)
		l.each(s, o, func(h *health) { h.hung = false })
		return err
	}
}

// cut changes links, in the world first where they break.
func (l *Lab) cut(links [][2]int, by int, o *outage, more func()) error {
	tell := func() {
		l.w.change(o, func() {
			for _, c := range links {
				l.w.cuts[c] += by
			}
			more()
		})
	}
	if by > 0 {
		tell()
	}
	err := l.net.change(l.net.cuts, links, by)
	if by < 0 {
		tell()
	}
	return err
}

func cutHost(by int) func(*Lab, step, *outage) error {
	return func(l *Lab, s step, o *outage) error {
		n := s.nodes[0]
		links := append(from(n, len(l.nodes)), reverse(from(n, len(l.nodes)))...)
		return l.cut(links, by, o, func() { l.w.health[n].cut = by > 0 })
	}
}

func cutOneWay(by int, in bool) func(*Lab, step, *outage) error {
	return func(l *Lab, s step, o *outage) error {
		links := from(s.nodes[0], len(l.nodes))
		if in {
			links = reverse(links)
		}
		return l.cut(links, by, o, func() {})
	}
}

func splitUp(by int) func(*Lab, step, *outage) error {
	return func(l *Lab, s step, o *outage) error { return l.cut(between(s.groups...), by, o, func() {}) }
}

func reverse(links [][2]int) [][2]int {
	out := make([][2]int, len(links))
	for i, l := range links {
		out[i] = [2]int{l[1], l[0]}
	}
	return out
}

// lose drops some of what a node sends and gets. Nothing may be missed.
func lose(by int) func(*Lab, step, *outage) error {
	return func(l *Lab, s step, o *outage) error {
		links := from(s.nodes[0], len(l.nodes))
		return l.net.change(l.net.loss, append(links, reverse(links)...), by)
	}
}

// slow lets little through of what a node sends and gets, and makes the rest
// wait. Nothing may be missed.
func slow(on bool) func(*Lab, step, *outage) error {
	return func(l *Lab, s step, _ *outage) error { return l.net.slow(l.nodes[s.nodes[0]].ns, s.nodes[0], on) }
}

// garbage breaks into the middle of AMI: noise, half a message, a line that
// never ends.
func garbage(l *Lab, s step, o *outage) error {
	l.each(s, o, func(h *health) { h.ami = false })
	pbx := l.nodes[s.nodes[0]].pbx
	pbx.Garbage([]byte("Event: ContactStatus\r\nURI: sip:x\r\nContactStatus: NonQual"))
	pbx.Garbage([]byte{0, 0xff, 0xfe, '\r', '\n', '\r', '\n', 0x80, 'E', 'v', 'e', 'n', 't', ':', '\n', '\n', ':', ':', '\r', '\n'})
	for range 64 {
		pbx.Garbage(make([]byte, 64<<10))
	}
	return nil
}

func amiBack(l *Lab, s step, o *outage) error {
	l.nodes[s.nodes[0]].pbx.Drop() // whatever half a message still stands there
	l.each(s, o, func(h *health) { h.ami = true })
	return nil
}
