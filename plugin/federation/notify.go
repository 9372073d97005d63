package federation

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/asterfed/asterfed/zone/tsig"
	"github.com/miekg/dns"
)

// notifier sends one secondary a NOTIFY for new serials (RFC 1996): one for all
// that has changed since the last one, at most one under way. A secondary that
// does not answer is tried less and less often, whatever changes, until it asks
// for something itself.
type notifier struct {
	r     *Runtime
	addr  netip.AddrPort
	key   *tsig.Key
	shown chan struct{} // it has asked for something: it is there
	wait  time.Duration // before it is tried again, 0 after an answer
	last  string        // the result of the last NOTIFY
}

func newNotifier(r *Runtime, addr netip.AddrPort, key *tsig.Key) *notifier {
	return &notifier{r: r, addr: addr, key: key, shown: make(chan struct{}, 1)}
}

const (
	notifyTimeout = 2 * time.Second
	notifyRetry   = time.Second
	notifyLongest = time.Minute
)

// notifyAll begins to tell the secondaries.
func (r *Runtime) notifyAll() {
	for _, s := range r.cfg.Secondaries {
		for _, a := range s.Addrs {
			n := newNotifier(r, a, s.Key)
			r.notifiers = append(r.notifiers, n)
			told, bell := r.outward.Serial()
			r.run(func() { n.run(r.ctx, told, bell) })
		}
	}
}

// SecondaryAsked is called for each request that the key of a secondary has signed: one
// that was away is told of changes at once. The key may be that of several; an
// address that is none of theirs is another address of any.
func (r *Runtime) SecondaryAsked(key string, from netip.Addr) {
	known := false
	for _, n := range r.notifiers {
		known = known || n.key.Name == key && n.addr.Addr() == from
	}
	for _, n := range r.notifiers {
		if n.key.Name != key || known && n.addr.Addr() != from {
			continue
		}
		select {
		case n.shown <- struct{}{}:
		default:
		}
	}
}

// run tells the secondary of each serial after told, which bell announces.
func (n *notifier) run(ctx context.Context, told uint32, bell <-chan struct{}) {
	retry := time.NewTimer(time.Hour)
	retry.Stop()
	for {
		select {
		case <-ctx.Done():
			retry.Stop()
			return
		case <-bell:
			if n.wait > 0 { // its turn comes
				_, bell = n.r.outward.Serial()
				continue
			}
		case <-n.shown:
			n.wait = 0
			retry.Stop()
		case <-retry.C:
		}
		var serial uint32
		if serial, bell = n.r.outward.Serial(); serial == told {
			continue
		}
		if n.tell(ctx, serial) {
			told, n.wait = serial, 0
		} else {
			n.wait = min(max(notifyRetry, 2*n.wait), notifyLongest)
			retry.Reset(n.wait)
		}
	}
}

// tell sends one NOTIFY and reports whether it was answered.
func (n *notifier) tell(ctx context.Context, serial uint32) bool {
	m := new(dns.Msg)
	m.SetNotify(n.r.cfg.Origin)
	m.Answer = []dns.RR{n.r.view.SOA(serial)}
	m.SetTsig(n.key.Name, n.key.Algorithm, tsig.Fudge, time.Now().Unix())
	c := &dns.Client{Timeout: notifyTimeout, TsigSecret: map[string]string{n.key.Name: n.key.Secret}}
	result := "unanswered"
	conn, err := n.dial(ctx)
	if err == nil {
		var answer *dns.Msg
		answer, _, err = c.ExchangeWithConnContext(ctx, m, &dns.Conn{Conn: conn, TsigSecret: c.TsigSecret})
		conn.Close()
		switch {
		case err != nil:
		case answer.Rcode == dns.RcodeSuccess:
			result = "answered"
		default:
			result = dns.RcodeToString[answer.Rcode]
		}
	}
	if ctx.Err() != nil {
		return false
	}
	notifyCount.WithLabelValues(n.r.cfg.Origin, n.addr.String(), result).Inc()
	if result != n.last {
		n.last = result
		n.r.log.Info("secondary told of a new serial", "secondary", n.addr, "serial", serial, "result", result, "err", err)
	}
	return err == nil
}

// dial takes the address that this node answers at, since that is the one that
// a secondary knows; where it cannot be used, the one that the system chooses.
func (n *notifier) dial(ctx context.Context) (net.Conn, error) {
	for _, a := range n.r.cfg.Listen {
		if a.Is4() == n.addr.Addr().Is4() {
			d := net.Dialer{Timeout: notifyTimeout, LocalAddr: &net.UDPAddr{IP: a.AsSlice()}}
			if conn, err := d.DialContext(ctx, "udp", n.addr.String()); err == nil {
				return conn, nil
			}
		}
	}
	d := net.Dialer{Timeout: notifyTimeout}
	return d.DialContext(ctx, "udp", n.addr.String())
}
