package federation

import (
	"context"
	"log/slog"
	"sync"

	"github.com/asterfed/asterfed/plugin/federation/udp"
	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/miekg/dns"
)

// beside are the sockets that stand beside those of CoreDNS, for one server
// block of one configuration: each answers plain queries itself and gives the
// others to the same CoreDNS server.
type beside struct {
	fast   *fast
	log    *slog.Logger
	once   sync.Once // the obstacle is told
	mu     sync.Mutex
	opened []*dns.Server
}

// decorate is a dnsserver.Config.UDPDecorateWriterFunc: CoreDNS calls it for
// each of its UDP sockets when all of them are open and before it reads from
// this one. It opens a socket beside.
func (b *beside) decorate(s *dnsserver.Server) {
	addr, ok := address(s)
	if !ok {
		return
	}
	why := b.fast.obstacle(addr)
	if why == "" {
		if err := b.open(s, addr); err != nil {
			why = err.Error()
		}
	}
	b.once.Do(func() {
		if why == "" {
			b.log.Info("plain queries are answered on the fast path")
		} else {
			b.log.Info("all queries go through the chain of plugins", "because", why)
		}
	})
}

func (b *beside) open(s *dnsserver.Server, addr string) error {
	short := newShort(b.fast, b.log, s)
	conn, err := udp.Listen(addr, max(1, b.fast.conf.NumSockets), short.answer)
	if err != nil {
		return err
	}
	conn.LookAhead(short.ahead)
	started := make(chan struct{})
	server := &dns.Server{
		PacketConn: conn, TsigSecret: s.TsigSecret, MsgAcceptFunc: accept, DecorateWriter: roomy,
		NotifyStartedFunc: func() { close(started) },
		Handler: dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
			ctx := context.WithValue(context.Background(), dnsserver.Key{}, s)
			s.ServeDNS(context.WithValue(ctx, dnsserver.LoopKey{}, 0), besideWriter{w}, r)
		}),
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.opened = append(b.opened, server)
	go func() {
		if err := server.ActivateAndServe(); err != nil {
			b.log.Error("read from the socket of the fast path", "addr", addr, "err", err)
		}
	}()
	<-started // else a stop would not find it
	return nil
}

// close ends the sockets. Queries that are under way are answered.
func (b *beside) close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var first error
	for _, s := range b.opened {
		if err := s.Shutdown(); err != nil && first == nil {
			first = err
		}
	}
	b.opened = nil
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

// accelerate opens, when the server block starts, sockets of the fast path where
// nothing stands in its way.
func accelerate(c *caddy.Controller, conf *dnsserver.Config, r *Runtime) {
	b := &beside{log: r.log, fast: &fast{
		off: !r.cfg.Fast, conf: conf, all: configs(c, Default.Blocks), origin: r.cfg.Origin, view: r.view,
	}}
	before := conf.UDPDecorateWriterFunc
	conf.UDPDecorateWriterFunc = func(s *dnsserver.Server) dns.DecorateWriter {
		b.decorate(s)
		if before != nil {
			return roomyThen(before(s))
		}
		return roomy
	}
	c.OnShutdown(b.close)
}
