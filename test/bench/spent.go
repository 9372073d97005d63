package main

import (
	"fmt"
	"path/filepath"
	"time"
)

// spent is what a federation has used in a while, all nodes together, for each
// second: microseconds of CPU, octets on the wire as they are sent.
type spent struct {
	nodes            int
	rate             float64 // changes a second
	cpu              float64
	transfer, gossip float64
	memory           float64 // octets, at the end
}

// loadFor is how long a load lasts.
const loadFor = 10 * time.Second

// spend starts nodes that have so many users in all, lets rate users a second
// register, one at one node after the other, and returns what that takes.
func (b *bench) spend(nodes, users int, rate float64) (s spent, err error) {
	b.progress("%d nodes, %d users, %g changes a second", nodes, users, rate)
	all, err := b.federate(filepath.Join(b.dir, fmt.Sprintf("spend-%d-%d-%g", nodes, users, rate)), nodes, users)
	if err != nil {
		return s, err
	}
	defer disband(all)
	<-time.After(3 * time.Second)
	before, err := onWire()
	if err != nil {
		return s, err
	}
	cpu, began, n := cpuOf(all), time.Now(), 0
	for time.Since(began) < loadFor {
		next := loadFor
		if rate > 0 {
			next = time.Duration(float64(n) / rate * float64(time.Second))
		}
		<-time.After(time.Until(began.Add(min(next, loadFor))))
		if next < loadFor {
			user := fmt.Sprint("new-", n)
			all[n%nodes].pbx.Register(user, fmt.Sprintf("sip:%s@192.0.2.7:%d", user, 1024+n%60000), time.Hour)
			n++
		}
	}
	used, seconds := cpuOf(all)-cpu, time.Since(began).Seconds()
	after, err := onWire()
	if err != nil {
		return s, err
	}
	s = spent{nodes: nodes, rate: float64(n) / seconds, cpu: used.Seconds() * 1e6 / seconds,
		transfer: (after["transfer"] - before["transfer"]) / seconds, gossip: (after["gossip"] - before["gossip"]) / seconds}
	for _, m := range all {
		s.memory += float64(m.c.p.Resident())
	}
	return s, nil
}
