package fastpath

import (
	"context"
	"sync"

	"github.com/asterfed/asterfed/plugin/federation/udp"
	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/miekg/dns"
)

// Open opens, when the server block starts, sockets of the fast path where nothing
// stands in its way, and closes them when it ends.
func (p *Path) Open(c *caddy.Controller) {
	s := &sockets{path: p}
	before := p.Conf.UDPDecorateWriterFunc
	p.Conf.UDPDecorateWriterFunc = func(server *dnsserver.Server) dns.DecorateWriter {
		s.decorate(server)
		if before != nil {
			return growThen(before(server))
		}
		return GrowStack
	}
	c.OnShutdown(s.close)
}

// sockets stand beside those of CoreDNS, for one server block of one configuration:
// each answers plain queries itself and gives the others to the same CoreDNS server.
type sockets struct {
	path   *Path
	once   sync.Once // the obstacle is logged
	mu     sync.Mutex
	opened []*dns.Server
}

// decorate is a dnsserver.Config.UDPDecorateWriterFunc: CoreDNS calls it for
// each of its UDP sockets when all of them are open and before it reads from
// this one.
func (s *sockets) decorate(server *dnsserver.Server) {
	addr, ok := address(server)
	if !ok {
		return
	}
	why := s.path.Obstacle(addr)
	if why == "" {
		if err := s.open(server, addr); err != nil {
			why = err.Error()
		}
	}
	s.once.Do(func() {
		if why == "" {
			s.path.Logger.Info("plain queries are answered on the fast path")
		} else {
			s.path.Logger.Info("all queries go through the chain of plugins", "because", why)
		}
	})
}

func (s *sockets) open(coredns *dnsserver.Server, addr string) error {
	a := s.path.Answerer(coredns)
	conn, err := udp.Listen(addr, max(1, s.path.Conf.NumSockets), a.Answer)
	if err != nil {
		return err
	}
	conn.LookAhead(a.ahead)
	started := make(chan struct{})
	server := &dns.Server{
		PacketConn: conn, TsigSecret: coredns.TsigSecret, MsgAcceptFunc: accept, DecorateWriter: GrowStack,
		NotifyStartedFunc: func() { close(started) },
		Handler: dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
			ctx := context.WithValue(context.Background(), dnsserver.Key{}, coredns)
			coredns.ServeDNS(context.WithValue(ctx, dnsserver.LoopKey{}, 0), chainWriter{w}, r)
		}),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened = append(s.opened, server)
	go func() {
		if err := server.ActivateAndServe(); err != nil {
			s.path.Logger.Error("read from the socket of the fast path", "addr", addr, "err", err)
		}
	}()
	<-started // else a stop would not find it
	return nil
}

// close ends the sockets. Queries that are under way are answered.
func (s *sockets) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var first error
	for _, o := range s.opened {
		if err := o.Shutdown(); err != nil && first == nil {
			first = err
		}
	}
	s.opened = nil
	return first
}

// accept takes what CoreDNS takes where a block permits UPDATE.
func accept(h dns.Header) dns.MsgAcceptAction {
	action := dns.DefaultMsgAcceptFunc(h)
	if opcode := int(h.Bits>>11) & 0xF; action != dns.MsgRejectNotImplemented || opcode != dns.OpcodeUpdate {
		return action
	}
	if h.Qdcount != 1 {
		return dns.MsgReject
	}
	return dns.MsgAccept
}
