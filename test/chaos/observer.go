package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// observer asks one node, from within its namespace, where users are.
type observer struct {
	w    *world
	node int
	conn net.Conn
	rng  *rand.Rand

	mu      sync.Mutex
	pending map[uint16]question
}

type question struct {
	user int
	sent time.Time
}

// patience is how long an answer may take.
const patience = time.Second

func newObserver(w *world, n *node, rng *rand.Rand) (*observer, error) {
	o := &observer{w: w, node: n.id, rng: rng, pending: map[uint16]question{}}
	err := n.ns.do(func() (err error) {
		o.conn, err = net.Dial("udp", "127.0.0.1:53")
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("observe %s: %w", n.name, err)
	}
	return o, nil
}

func owner(aor string) string { return aor + ".users." + origin }

// run asks at a rate until ctx ends: users in turn, and those that have moved
// lately.
func (o *observer) run(ctx context.Context, rate int) {
	defer o.conn.Close()
	go o.receive()
	const batch = 10 * time.Millisecond
	tick := time.NewTicker(batch)
	defer tick.Stop()
	id, next, due := uint16(o.rng.Uint32()), o.rng.IntN(len(o.w.users)), 0.0
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for due += float64(rate) * batch.Seconds(); due >= 1; due-- {
			id++
			user := next % len(o.w.users)
			if id%2 == 0 {
				next++
			} else {
				o.w.mu.Lock()
				user = o.w.recent[o.rng.IntN(len(o.w.recent))]
				o.w.mu.Unlock()
			}
			o.ask(id, user)
		}
		o.forget()
	}
}

func (o *observer) ask(id uint16, user int) {
	m := new(dns.Msg)
	m.SetQuestion(owner(o.w.users[user].aor), dns.TypeNAPTR)
	m.Id = id
	b, err := m.Pack()
	if err != nil {
		return
	}
	o.mu.Lock()
	o.pending[id] = question{user, time.Now()}
	o.mu.Unlock()
	_, _ = o.conn.Write(b) // a closed port is what a killed process looks like
}

func (o *observer) receive() {
	buf := make([]byte, 4096)
	for {
		n, err := o.conn.Read(buf)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue // the port is closed while the process is down
		}
		m := new(dns.Msg)
		if m.Unpack(buf[:n]) != nil {
			continue
		}
		o.mu.Lock()
		q, ok := o.pending[m.Id]
		delete(o.pending, m.Id)
		o.mu.Unlock()
		if ok {
			o.w.take(answer{node: o.node, user: q.user, sent: q.sent, rcode: m.Rcode, home: best(m)})
		}
	}
}

// forget gives up questions that nobody will answer any more.
func (o *observer) forget() {
	o.mu.Lock()
	var lost []question
	for id, q := range o.pending {
		if time.Since(q.sent) > patience {
			delete(o.pending, id)
			lost = append(lost, q)
		}
	}
	o.mu.Unlock()
	for _, q := range lost {
		o.w.silent(o.node, q.sent)
	}
}

var hostInRegexp = regexp.MustCompile(`@pbx-(\d+)\.nodes\.`)

// best returns the home that the first NAPTR names, nowhere if there is none.
func best(m *dns.Msg) int {
	home, preference := nowhere, uint16(1<<16-1)
	for _, rr := range m.Answer {
		p, ok := rr.(*dns.NAPTR)
		if !ok || p.Preference >= preference {
			continue
		}
		if f := hostInRegexp.FindStringSubmatch(p.Regexp); f != nil {
			n, _ := strconv.Atoi(f[1])
			home, preference = n-1, p.Preference
		}
	}
	return home
}
