package fastpath

import (
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/udp"
	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/plain"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
)

// Answerer answers plain queries at one socket, without allocating. It is for one
// goroutine.
type Answerer struct {
	zone      *answer.Zone
	packer    *answer.Packer
	log       *slog.Logger
	size      uint16
	requests  prometheus.Counter
	counters  *counters // nil without prometheus
	query     plain.Query
	lookAhead *view.Ahead
	next      plain.Query // looked at ahead
}

// Answerer returns an answerer for a socket beside one of server's.
func (p *Path) Answerer(server *dnsserver.Server) *Answerer {
	v := p.Zone()
	return &Answerer{zone: v, packer: v.NewPacker(), lookAhead: v.NewAhead(), log: p.Logger, size: p.size(),
		requests: p.Requests, counters: newCounters(p, server)}
}

// unfragmented are the sizes from which on CoreDNS compresses answers, for IPv4
// and IPv6.
const (
	unfragmented4 = 1480
	unfragmented6 = 1220
)

// Answer is an udp.Answer. It takes plain queries whose answer the chain would
// not compress or truncate.
func (a *Answerer) Answer(buf, datagram []byte, from netip.AddrPort) (out []byte, ok bool) {
	defer func() {
		if r := recover(); r != nil {
			a.panicked(r)
			out, ok = nil, false
		}
	}()
	q := &a.query
	if !q.Parse(datagram) {
		return nil, false
	}
	q.Size = min(q.Size, a.size)
	limit, family := unfragmented4, 0
	if addr := from.Addr(); addr.Is6() && !addr.Is4In6() {
		limit, family = unfragmented6, 1
	}
	var start time.Time
	if a.counters != nil {
		start = time.Now()
	}
	out, rcode, ok := a.packer.Append(buf, a.zone.Client(from.Addr()), q, min(limit, q.Limit()))
	if !ok {
		return nil, false
	}
	a.requests.Inc()
	if a.counters != nil {
		a.counters.count(family, q.Type, rcode, len(datagram), len(out), start)
	}
	return out, true
}

func (a *Answerer) panicked(r any) {
	a.log.Error("recovered on the fast path", "panic", r, "stack", string(debug.Stack()))
}

// ahead is for udp.Conn's LookAhead: what a batch will be answered from is read
// for all of it at once.
func (a *Answerer) ahead(datagram []byte) {
	defer func() {
		if r := recover(); r != nil {
			a.panicked(r)
		}
	}()
	if datagram == nil {
		a.lookAhead.Touch()
	} else if a.next.Parse(datagram) {
		a.lookAhead.Note(a.next.Name())
	}
}

// chainWriter shows plugins the client's address as CoreDNS's own sockets do.
type chainWriter struct{ dns.ResponseWriter }

// RemoteAddr implements dns.ResponseWriter.
func (w chainWriter) RemoteAddr() net.Addr {
	if s, ok := w.ResponseWriter.RemoteAddr().(*udp.Source); ok {
		return s.UDPAddr
	}
	return w.ResponseWriter.RemoteAddr()
}
