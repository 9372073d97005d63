package peer

import (
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/asterfed/asterfed/zone/answer"
	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/primary"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/stream"
	"github.com/asterfed/asterfed/zone/tsig"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
)

// meshNode is one of many nodes in a measurement: a real view and primary
// behind a real DNS server on loopback.
type meshNode struct {
	name     string
	view     *answer.Zone
	primary  *primary.Primary
	notifier *Notifier
	clock    *location.Clock
	addr     string // TCP and UDP
	server   *dns.Server
	udp      *dns.Server
	mu       sync.Mutex
	peers    map[string]*Peer // by apex
}

func newMeshNode(name string) *meshNode {
	n := &meshNode{name: name, clock: location.NewClock(time.Now), peers: map[string]*Peer{}}
	n.view = answer.New(answer.Config{}, view.New(view.Config{Origin: origin, Self: name, TTL: 5 * time.Second}))
	n.view.SetSettled(true)
	n.primary = primary.New(primary.Config{Zone: n.view.Own(), Clock: n.clock, Logger: slog.New(slog.DiscardHandler),
		Node: record.Node{Name: name, State: record.Up, Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1")},
			SIP: []record.Transport{{Proto: "udp", Port: 5060}}}})
	n.notifier = NewNotifier(n.primary, origin)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	n.addr = l.Addr().String()
	up := make(chan struct{})
	n.server = &dns.Server{Listener: l, TsigSecret: map[string]string{testKey.Name: testKey.Secret}, MaxTCPQueries: -1, MsgAcceptFunc: Accept,
		Handler: dns.HandlerFunc(n.serve), NotifyStartedFunc: func() { close(up) }}
	go n.server.ActivateAndServe()
	<-up
	return n
}

// listenUDP lets anyone ask for the federation zone at the same address.
func (n *meshNode) listenUDP() {
	c, err := net.ListenPacket("udp", n.addr)
	if err != nil {
		panic(err)
	}
	up := make(chan struct{})
	n.udp = &dns.Server{PacketConn: c, Handler: dns.HandlerFunc(n.answer), NotifyStartedFunc: func() { close(up) }}
	go n.udp.ActivateAndServe()
	<-up
}

func (n *meshNode) answer(w dns.ResponseWriter, r *dns.Msg) {
	res := n.view.Lookup(r.Question[0].Name, r.Question[0].Qtype)
	m := new(dns.Msg)
	m.SetRcode(r, res.Rcode)
	m.Compress, m.Answer, m.Ns, m.Extra = true, res.Answer, res.Ns, res.Extra
	w.WriteMsg(m)
}

func (n *meshNode) close() {
	n.server.Shutdown()
	if n.udp != nil {
		n.udp.Shutdown()
	}
}

// peer makes the connection to another node's home; Run is the caller's.
func (n *meshNode) peer(node, addr string, pulled func()) *Peer {
	p := New(Config{Node: node, Addr: addr, Origin: origin, Key: testKey, Home: n.view.Home(node),
		Own: n.notifier, Clock: n.clock, Heard: func() {}, Lost: func(error) {}, Pulled: pulled,
		Logger: slog.New(slog.DiscardHandler)})
	n.mu.Lock()
	defer n.mu.Unlock()
	n.peers[record.HomeZone(node, origin)] = p
	return p
}

func (n *meshNode) serve(w dns.ResponseWriter, r *dns.Msg) {
	reply := func(rrs ...dns.RR) error {
		m := new(dns.Msg)
		m.SetReply(r)
		m.Compress = true
		m.Answer = rrs
		if t := r.IsTsig(); t != nil && w.TsigStatus() == nil {
			m.SetTsig(t.Hdr.Name, t.Algorithm, tsig.Fudge, time.Now().Unix())
		} else {
			m.Rcode, m.Answer = dns.RcodeNotAuth, nil
		}
		return w.WriteMsg(m)
	}
	apex := record.HomeZone(n.name, origin)
	switch {
	case r.Opcode == dns.OpcodeNotify:
		n.mu.Lock()
		p := n.peers[r.Question[0].Name]
		n.mu.Unlock()
		if p != nil {
			p.HandleNotify(r.Answer, w.RemoteAddr())
		}
		reply()
	case r.Question[0].Qtype == dns.TypeSOA:
		if len(r.Ns) > 0 {
			n.mu.Lock()
			p := n.peers[r.Ns[0].Header().Name]
			n.mu.Unlock()
			if p != nil {
				p.HandleHeartbeat(r.Ns, w.RemoteAddr())
			}
		}
		reply(n.primary.Version().SOA(apex, origin, 5))
	case r.Question[0].Qtype == dns.TypeTXT:
		reply(record.StringsTXT(r.Question[0].Name, 5, n.view.Home(n.name).Digest().Strings()...))
	default:
		var held *record.Version
		if len(r.Ns) > 0 {
			v := record.VersionOf(r.Ns[0].(*dns.SOA))
			held = &v
		}
		m := new(dns.Msg)
		m.SetReply(r)
		rep := stream.Reply{Msg: m, Send: func(wire []byte) error { _, err := w.Write(wire); return err }}
		if t := r.IsTsig(); t != nil && w.TsigStatus() == nil {
			rep.Key, rep.MAC = testKey, t.MAC
		} else {
			reply()
			return
		}
		if stream.Answer(n.primary, stream.Query{Origin: origin, Apex: apex, TTL: 5, From: held}, rep) != nil {
			w.Close()
		}
	}
}
