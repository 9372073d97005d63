package fastpath

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

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
// each gives its queries to the same CoreDNS server, but for the plain ones that it
// answers itself.
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
	if s.path.beside(addr) {
		if err := s.open(server, addr, why == ""); err != nil {
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

// open opens the sockets beside those of a CoreDNS server. fast says whether plain
// queries are answered on the fast path.
func (s *sockets) open(coredns *dnsserver.Server, addr string, fast bool) error {
	others := max(1, s.path.Conf.NumSockets)
	a := s.path.Answerer(coredns)
	answer := udp.Answer(a.Answer)
	if !fast {
		answer = func([]byte, []byte, netip.AddrPort) ([]byte, bool) { return nil, false }
	}
	datagrams, err := udp.Listen(addr, others, answer)
	if err != nil {
		return err
	}
	if fast {
		datagrams.LookAhead(a.ahead)
	}
	connections, err := listenTCP(addr, others)
	if err != nil {
		datagrams.Close()
		return err
	}
	s.serve(coredns, &dns.Server{PacketConn: datagrams, DecorateWriter: GrowStack})
	s.serve(coredns, &dns.Server{Listener: connections, MaxTCPQueries: coredns.MaxTCPQueries, ReadTimeout: coredns.ReadTimeout,
		IdleTimeout: func() time.Duration { return coredns.IdleTimeout }})
	return nil
}

// serve gives what arrives at a socket to a CoreDNS server.
func (s *sockets) serve(coredns *dnsserver.Server, server *dns.Server) {
	started := make(chan struct{})
	server.TsigSecret, server.MsgAcceptFunc, server.DecorateReader = coredns.TsigSecret, accept, tolerant
	server.NotifyStartedFunc = func() { close(started) }
	server.Handler = dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
		ctx := context.WithValue(context.Background(), dnsserver.Key{}, coredns)
		coredns.ServeDNS(context.WithValue(ctx, dnsserver.LoopKey{}, 0), chainWriter{w}, r)
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened = append(s.opened, server)
	go func() {
		if err := server.ActivateAndServe(); err != nil {
			s.path.Logger.Error("read from a socket beside CoreDNS's", "addr", coredns.Address(), "err", err)
		}
	}()
	<-started // else a stop would not find it
}

// grace is how long queries under way may take when the sockets end, as CoreDNS has it.
const grace = 5 * time.Second

// close ends the sockets, all together. Queries that are under way are answered.
func (s *sockets) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	errs := make([]error, len(s.opened))
	var all sync.WaitGroup
	for i, o := range s.opened {
		all.Go(func() { errs[i] = o.ShutdownContext(ctx) })
	}
	all.Wait()
	s.opened = nil
	return errors.Join(errs...)
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
