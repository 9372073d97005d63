package secondary

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/asterfed/asterfed/zone/tsig"
	"github.com/miekg/dns"
)

// Config is what Notifiers need.
type Config struct {
	Origin  string
	Targets []Target
	// Listen are the addresses that this node answers at: secondaries know them.
	Listen []netip.Addr
	// Serial returns the serial of the zone, and a channel that is closed at the next.
	Serial func() (uint32, <-chan struct{})
	// SOA returns the zone's SOA with a serial.
	SOA func(serial uint32) *dns.SOA
	// Count is called after each NOTIFY with its result: "answered", "unanswered" or an
	// rcode.
	Count  func(secondary, result string)
	Logger *slog.Logger
}

// Target is a secondary, and the key that its NOTIFYs are signed with.
type Target struct {
	Addr netip.AddrPort
	Key  *tsig.Key
}

// Notifiers send each secondary a NOTIFY for new serials.
type Notifiers struct {
	list []*notifier
}

// New returns notifiers for the targets. The serial that the zone has now counts as
// known to them.
func New(c Config) *Notifiers {
	all := &Notifiers{}
	for _, t := range c.Targets {
		all.list = append(all.list, newNotifier(&c, t))
	}
	return all
}

// Run sends NOTIFYs until ctx ends.
func (a *Notifiers) Run(ctx context.Context) {
	var all sync.WaitGroup
	for _, n := range a.list {
		all.Go(func() { n.run(ctx) })
	}
	all.Wait()
}

// Asked is to be called for each request that the key of a secondary has signed: one
// that was away is notified of changes at once. The key may be that of several; an
// address that is none of theirs is another address of any.
func (a *Notifiers) Asked(key string, from netip.Addr) {
	known := false
	for _, n := range a.list {
		known = known || n.Key.Name == key && n.Addr.Addr() == from
	}
	for _, n := range a.list {
		if n.Key.Name != key || known && n.Addr.Addr() != from {
			continue
		}
		select {
		case n.asked <- struct{}{}:
		default:
		}
	}
}

// notifier sends one secondary one NOTIFY for all that has changed since the last, at
// most one at a time. A secondary that does not answer is tried less and less often,
// whatever changes, until it asks for something itself.
type notifier struct {
	*Config
	Target
	asked  chan struct{} // it has asked for something: it is there
	serial uint32        // that it knows
	next   <-chan struct{}
	wait   time.Duration // before it is tried again, 0 after an answer
	last   string        // the result of the last NOTIFY
}

func newNotifier(c *Config, t Target) *notifier {
	n := &notifier{Config: c, Target: t, asked: make(chan struct{}, 1)}
	n.serial, n.next = c.Serial()
	return n
}

const (
	timeout = 2 * time.Second
	retry   = time.Second // after the first NOTIFY that was not answered, then twice as long
	longest = time.Minute
)

func (n *notifier) run(ctx context.Context) {
	again := time.NewTimer(time.Hour)
	again.Stop()
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.next:
			if n.wait > 0 { // its turn comes
				_, n.next = n.Serial()
				continue
			}
		case <-n.asked:
			n.wait = 0
			again.Stop()
		case <-again.C:
		}
		var serial uint32
		if serial, n.next = n.Serial(); serial == n.serial {
			continue
		}
		if n.notify(ctx, serial) {
			n.serial, n.wait = serial, 0
		} else {
			n.wait = min(max(retry, 2*n.wait), longest)
			again.Reset(n.wait)
		}
	}
}

// notify sends one NOTIFY and reports whether it was answered.
func (n *notifier) notify(ctx context.Context, serial uint32) bool {
	m := new(dns.Msg)
	m.SetNotify(n.Origin)
	m.Answer = []dns.RR{n.SOA(serial)}
	m.SetTsig(n.Key.Name, n.Key.Algorithm, tsig.Fudge, time.Now().Unix())
	c := &dns.Client{Timeout: timeout, TsigSecret: map[string]string{n.Key.Name: n.Key.Secret}}
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
	n.Count(n.Addr.String(), result)
	if result != n.last {
		n.last = result
		n.Logger.Info("secondary notified of a new serial", "secondary", n.Addr, "serial", serial, "result", result, "err", err)
	}
	return err == nil
}

// dial connects from an address that this node answers at, since a secondary refuses
// NOTIFYs of others; where none can be used, the system chooses.
func (n *notifier) dial(ctx context.Context) (net.Conn, error) {
	for _, a := range n.Listen {
		if a.Is4() == n.Addr.Addr().Is4() {
			d := net.Dialer{Timeout: timeout, LocalAddr: &net.UDPAddr{IP: a.AsSlice()}}
			if conn, err := d.DialContext(ctx, "udp", n.Addr.String()); err == nil {
				return conn, nil
			}
		}
	}
	d := net.Dialer{Timeout: timeout}
	return d.DialContext(ctx, "udp", n.Addr.String())
}
