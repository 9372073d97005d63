package federation

import (
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/udp"
	"github.com/asterfed/asterfed/zone"
	"github.com/asterfed/asterfed/zone/plain"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
)

// short answers plain queries at one socket, without allocating. It is for one
// goroutine.
type short struct {
	view     *zone.View
	packer   *zone.Packer
	log      *slog.Logger
	size     uint16
	requests prometheus.Counter
	tally    *tally // nil without prometheus
	query    plain.Query
	look     *zone.Ahead
	next     plain.Query // looked at ahead
}

func newShort(f *fast, log *slog.Logger, s *dnsserver.Server) *short {
	return &short{view: f.view, packer: f.view.NewPacker(), look: f.view.NewAhead(), log: log, size: f.size(), requests: requestCount.WithLabelValues(f.origin), tally: newTally(f, s)}
}

// unfragmented are the sizes from which on CoreDNS compresses answers, for IPv4
// and IPv6.
const (
	unfragmented4 = 1480
	unfragmented6 = 1220
)

// answer is an udp.Answer. It takes plain queries whose answer the chain would
// not compress or truncate. A panic costs the query its short way, no more.
func (s *short) answer(buf, datagram []byte, from netip.AddrPort) (out []byte, ok bool) {
	defer func() {
		if r := recover(); r != nil {
			s.panicked(r)
			out, ok = nil, false
		}
	}()
	q := &s.query
	if !q.Parse(datagram) {
		return nil, false
	}
	q.Size = min(q.Size, s.size)
	limit, family := unfragmented4, 0
	if a := from.Addr(); a.Is6() && !a.Is4In6() {
		limit, family = unfragmented6, 1
	}
	var start time.Time
	if s.tally != nil {
		start = time.Now()
	}
	out, rcode, ok := s.packer.Append(buf, s.view.Asker(from.Addr()), q, min(limit, q.Limit()))
	if !ok {
		return nil, false
	}
	s.requests.Inc()
	if s.tally != nil {
		s.tally.count(family, q.Type, rcode, len(datagram), len(out), start)
	}
	return out, true
}

func (s *short) panicked(r any) {
	s.log.Error("recovered on the fast path", "panic", r, "stack", string(debug.Stack()))
}

// ahead is for udp.Conn's LookAhead: what a batch will be answered from is read
// for all of it at once. A panic costs the look, no more.
func (s *short) ahead(datagram []byte) {
	defer func() {
		if r := recover(); r != nil {
			s.panicked(r)
		}
	}()
	if datagram == nil {
		s.look.Touch()
	} else if s.next.Parse(datagram) {
		s.look.Note(&s.next)
	}
}

// besideWriter shows plugins the asker's address as CoreDNS's own sockets do.
type besideWriter struct{ dns.ResponseWriter }

// RemoteAddr implements dns.ResponseWriter.
func (w besideWriter) RemoteAddr() net.Addr {
	if s, ok := w.ResponseWriter.RemoteAddr().(*udp.Source); ok {
		return s.UDPAddr
	}
	return w.ResponseWriter.RemoteAddr()
}
