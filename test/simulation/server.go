package simulation

import (
	"fmt"
	"time"

	"github.com/asterfed/asterfed/zone/peer"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/stream"
	"github.com/miekg/dns"
)

// serve answers transfers as plugin/federation does.
func (n *node) serve() error {
	l, err := n.host.Listen(dnsPort)
	if err != nil {
		return err
	}
	up := make(chan struct{})
	n.server = &dns.Server{Listener: l, MaxTCPQueries: -1, MsgAcceptFunc: peer.Accept, Handler: dns.HandlerFunc(n.answer),
		TsigSecret:        map[string]string{transferKey.Name: transferKey.Secret},
		NotifyStartedFunc: func() { close(up) }}
	n.tasks.Go(func() { n.server.ActivateAndServe() }) // ends with the listener
	select {
	case <-up:
		return nil
	case <-time.After(time.Second):
		return fmt.Errorf("serve DNS on %s: it does not start", n.name)
	}
}

func (n *node) answer(w dns.ResponseWriter, r *dns.Msg) {
	t := r.IsTsig()
	reply := func(rcode int, rrs ...dns.RR) error {
		m := new(dns.Msg)
		m.SetRcode(r, rcode)
		m.Authoritative, m.Answer = true, rrs
		m.Compress = len(rrs) > 1
		if t != nil {
			m.SetTsig(t.Hdr.Name, t.Algorithm, 300, time.Now().Unix())
		}
		return w.WriteMsg(m)
	}
	apex, digest := record.DigestOf(r.Question[0].Name)
	node, ok := record.HomeOf(apex, origin)
	switch {
	case t == nil || w.TsigStatus() != nil:
		reply(dns.RcodeNotAuth)
	case r.Opcode == dns.OpcodeNotify:
		p := n.peer(node)
		if p == nil {
			reply(dns.RcodeRefused)
			return
		}
		p.HandleNotify(r.Answer, w.RemoteAddr())
		reply(dns.RcodeSuccess)
	case !ok || node != n.name:
		reply(dns.RcodeRefused)
	case digest:
		reply(dns.RcodeSuccess, record.StringsTXT(r.Question[0].Name, ttl, n.view.Home(node).Digest().Strings()...))
	case r.Question[0].Qtype == dns.TypeSOA:
		if len(r.Ns) > 0 {
			from, _ := record.HomeOf(r.Ns[0].Header().Name, origin)
			if p := n.peer(from); p != nil {
				p.HandleHeartbeat(r.Ns, w.RemoteAddr())
			}
		}
		reply(dns.RcodeSuccess, n.primary.Version().SOA(r.Question[0].Name, origin, ttl))
	default:
		n.transfer(w, r, reply)
	}
}

func (n *node) transfer(w dns.ResponseWriter, r *dns.Msg, reply func(int, ...dns.RR) error) {
	var held *record.Version
	if r.Question[0].Qtype == dns.TypeIXFR {
		v := versionIn(r.Ns)
		held = &v
	}
	err := stream.AnswerRecords(n.primary, stream.Query{Origin: origin, Apex: r.Question[0].Name, TTL: ttl, From: held}, func(rrs []dns.RR) error {
		err := reply(dns.RcodeSuccess, rrs...)
		w.TsigTimersOnly(true)
		return err
	})
	w.TsigTimersOnly(false)
	if err != nil {
		w.Close()
	}
}

func versionIn(rrs []dns.RR) record.Version {
	for _, rr := range rrs {
		if soa, ok := rr.(*dns.SOA); ok {
			return record.VersionOf(soa)
		}
	}
	return record.Version{}
}
