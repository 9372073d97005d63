package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/ami/amitest"
	"github.com/asterfed/asterfed/test/bench/process"
	"github.com/miekg/dns"
)

// member is one node of a federation: asterfed in a process of its own, and
// its Asterisk, which is played here.
type member struct {
	name, addr string
	pbx        *amitest.Server
	c          contender
}

const memberCorefile = `fed.example:53 {
    federation {
        node     NAME
        address  ADDR
        gossip   ADDR:7946 key DIR/gossip.key
        rpc      off
        join     127.0.1.1 127.0.1.2 127.0.1.3
        asterisk ADDR:5038 user asterfed secret DIR/ami.secret
        data     DIR/data
        profile  PROFILE
    }
    bind ADDR
    errors
    PPROF
}
`

func memberName(i int) string { return fmt.Sprintf("pbx-%d", i) }

// federate starts so many nodes, with so many users registered at their
// Asterisks, and waits until each knows all others.
func (b *bench) federate(dir string, nodes, users int) (all []*member, err error) {
	defer func() {
		if err != nil {
			disband(all)
		}
	}()
	for i := range nodes {
		m := &member{name: memberName(i), addr: fmt.Sprintf("127.0.1.%d", i+1)}
		all = append(all, m)
		m.c = contender{name: m.name, addr: m.addr, dir: filepath.Join(dir, m.name)}
		if err := os.MkdirAll(m.c.dir, 0o755); err != nil {
			return all, fmt.Errorf("make folder: %w", err)
		}
		pprof := ""
		if b.profiles != "" {
			pprof = "pprof " + m.addr + ":" + profilePort
		}
		put := strings.NewReplacer("DIR", m.c.dir, "ADDR", m.addr, "NAME", m.name, "PPROF", pprof, "PROFILE", profileFor(nodes))
		for name, text := range map[string]string{
			"Corefile": put.Replace(memberCorefile), "ami.secret": "bench\n",
			"gossip.key": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n",
		} {
			if err := os.WriteFile(filepath.Join(m.c.dir, name), []byte(text), 0o600); err != nil {
				return all, fmt.Errorf("write %s: %w", name, err)
			}
		}
		if m.pbx, err = amitest.New(amitest.Config{Addr: m.addr + ":5038", SIPAddr: m.addr + ":5060", User: "asterfed",
			Secret: "bench", SystemName: m.name, CheckInterval: time.Hour}); err != nil {
			return all, fmt.Errorf("play the Asterisk of %s: %w", m.name, err)
		}
		for u := i; u < users; u += nodes {
			m.pbx.Register(fmt.Sprint(97231_0000000+u), fmt.Sprintf("sip:%d@192.0.2.7", u), time.Hour)
		}
		if m.c.p, err = process.Start(-1, filepath.Join(b.bin, "asterfed"), "serve", "--conf", filepath.Join(m.c.dir, "Corefile"), "--log", "warn"); err != nil {
			return all, err
		}
		if err := m.await(); err != nil { // all at once they would be busy with each other's timeouts
			return all, err
		}
	}
	return all, meet(all)
}

// crowd is from how many nodes on two cores are one link too slow: what a WAN does
// to the timing of nodes elsewhere, waiting for a CPU does here.
const crowd = 20

func profileFor(nodes int) string {
	if nodes > crowd {
		return "wan"
	}
	return "lan"
}

// await waits until the node answers for the zone.
func (m *member) await() error {
	for late := time.Now().Add(time.Minute); ; <-time.After(5 * time.Millisecond) {
		if _, err := m.c.exchange(origin, dns.TypeSOA); err == nil {
			return nil
		}
		if time.Now().After(late) || m.c.p.Ended() {
			return fmt.Errorf("%s does not answer: %s", m.name, m.c.p.Said())
		}
	}
}

// meet registers a user at each node and waits until every node has all of
// them.
func meet(all []*member) error {
	for _, m := range all {
		m.pbx.Register("of-"+m.name, "sip:of-"+m.name+"@192.0.2.7", time.Hour)
	}
	late := time.Now().Add(2*time.Minute + time.Duration(len(all))*3*time.Second)
	for _, m := range all {
		for _, o := range all {
			for ; ; <-time.After(50 * time.Millisecond) {
				r, err := m.c.exchange("of-"+o.name+".users."+origin, dns.TypeNAPTR)
				if err == nil && len(r.Answer) > 0 {
					break
				}
				if time.Now().After(late) || m.c.p.Ended() {
					return fmt.Errorf("%s does not know %s: %v: %s", m.name, o.name, err, m.c.p.Said())
				}
			}
		}
	}
	return nil
}

func disband(all []*member) {
	for _, m := range all {
		m.c.stop()
		if m.pbx != nil {
			m.pbx.Kill()
		}
	}
}
