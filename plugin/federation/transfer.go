package federation

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/stream"
	"github.com/asterfed/asterfed/zone/tsig"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"
)

// home answers SOA, NS, IXFR and AXFR of a home zone, and TXT of its digest, to the
// holder of the transfer key: for this node's own zone as primary, for any other as
// secondary.
func (f *Federation) home(_ context.Context, w dns.ResponseWriter, r *dns.Msg, qname string) (int, error) {
	qtype := r.Question[0].Qtype
	transfer := qtype == dns.TypeAXFR || qtype == dns.TypeIXFR
	m := new(dns.Msg)
	m.SetReply(r)
	m.Authoritative, m.RecursionAvailable = true, false
	apex, digest := record.DigestOf(qname)
	node, ok := record.HomeOf(apex, f.origin)
	var z stream.Zone
	if ok {
		z = f.authority.homeZone(node)
	}
	switch {
	case z == nil && node == f.authority.cfg.Node:
		m.Rcode = dns.RcodeServerFailure // not yet: nothing is listed
	case z == nil && transfer:
		// RFC 5936 §2.2.1 would have NOTAUTH, which stands for a bad signature
		// here: the client could not distinguish the two.
		m.Rcode = dns.RcodeRefused
	case z == nil || digest && transfer:
		m.Rcode = dns.RcodeNameError
	case digest:
		if qtype == dns.TypeTXT {
			m.Answer = []dns.RR{record.StringsTXT(qname, f.authority.zone.TTL(), f.authority.zone.Home(node).Digest().Strings()...)}
		}
	case transfer:
		return f.transfer(w, r, qname, z, f.authority.cfg.Key, f.snapshots)
	default:
		v, n := f.authority.version(node)
		soa := v.SOA(qname, f.origin, f.authority.zone.TTL())
		switch qtype {
		case dns.TypeSOA:
			f.heartbeat(w, r, node)
			m.Answer = []dns.RR{soa}
		case dns.TypeNS:
			m.Answer = []dns.RR{stream.NS(qname, node, f.origin, f.authority.zone.TTL())}
		case dns.TypeTXT:
			m.Answer = []dns.RR{record.NodeTXT(n, qname, f.authority.zone.TTL())}
		default:
			m.Ns = []dns.RR{soa}
		}
	}
	return f.write(w, r, m)
}

// heartbeat hands a heartbeat, an SOA query with the other node's own SOA, to the
// connection to that node.
func (f *Federation) heartbeat(w dns.ResponseWriter, r *dns.Msg, node string) {
	if node != f.authority.cfg.Node || len(r.Ns) == 0 {
		return
	}
	from, _ := record.HomeOf(strings.ToLower(r.Ns[0].Header().Name), f.origin)
	if p := f.authority.node.Peer(from); p != nil {
		p.HandleHeartbeat(r.Ns, w.RemoteAddr())
	}
}

func (f *Federation) write(w dns.ResponseWriter, r, m *dns.Msg) (int, error) {
	sign(w, r, m)
	return f.send(w, m)
}

// send sends an answer. A client that has gone is no error, since anybody could fill
// the log with those.
func (f *Federation) send(w dns.ResponseWriter, m *dns.Msg) (int, error) {
	switch err := w.WriteMsg(m); {
	case gone(err):
		f.authority.log.Debug("answer not sent", "to", w.RemoteAddr(), "err", err)
	case err != nil:
		return dns.RcodeServerFailure, fmt.Errorf("write answer: %w", err)
	}
	return dns.RcodeSuccess, nil
}

// maxSnapshots bounds the full transfers of home zones at a time: each needs a copy of
// the whole zone, some 48 octets a binding. Others wait.
const maxSnapshots = 16

// transfer writes the messages of an AXFR or IXFR, each signed (RFC 8945
// §5.3.1). Over UDP only the SOA fits (RFC 1995 §2), which makes a secondary
// come back over TCP.
func (f *Federation) transfer(w dns.ResponseWriter, r *dns.Msg, apex string, z stream.Zone, key *tsig.Key, slots chan struct{}) (int, error) {
	var from *record.Version
	if r.Question[0].Qtype == dns.TypeIXFR {
		for _, rr := range r.Ns {
			if soa, ok := rr.(*dns.SOA); ok {
				v := record.VersionOf(soa)
				from = &v
			}
		}
		if from == nil {
			return dns.RcodeFormatError, nil
		}
	}
	state := request.Request{W: w, Req: r}
	if state.Proto() == "udp" {
		node, _ := record.HomeOf(apex, f.origin)
		v, _ := f.authority.version(node)
		m := new(dns.Msg)
		m.SetReply(r)
		m.Answer = []dns.RR{v.SOA(apex, f.origin, f.authority.zone.TTL())}
		if from == nil {
			m.Answer, m.Rcode = nil, dns.RcodeRefused
		}
		return f.write(w, r, m)
	}
	ttl := f.authority.zone.TTL()
	q := stream.Query{Origin: f.origin, Apex: apex, TTL: ttl, From: from, LeftOut: f.withheld.report}
	turn := &slotted{Zone: z, slots: slots}
	defer turn.release()
	err := f.stream(w, r, key,
		func(reply stream.Reply) error { return stream.Answer(turn, q, reply) },
		func(send func([]dns.RR) error) error { return stream.AnswerRecords(turn, q, send) })
	if err != nil {
		w.Close()
		return dns.RcodeSuccess, fmt.Errorf("transfer %s: %w", apex, err)
	}
	transferOutCount.WithLabelValues(f.origin).Inc()
	return dns.RcodeSuccess, nil
}

// stream sends the messages of a transfer: packed and signed with the key of the
// request, or as answer sections where the tsig plugin has removed the signature and
// signs the answer.
func (f *Federation) stream(w dns.ResponseWriter, r *dns.Msg, key *tsig.Key,
	packed func(stream.Reply) error, sections func(send func([]dns.RR) error) error) error {
	m := new(dns.Msg)
	m.SetReply(r)
	m.Authoritative, m.RecursionAvailable = true, false
	if t := r.IsTsig(); t != nil {
		state := request.Request{W: w, Req: r}
		state.SizeAndDo(m)
		return packed(stream.Reply{Msg: m, Key: key, MAC: t.MAC, Send: func(wire []byte) error {
			_, err := w.Write(wire)
			return err
		}})
	}
	defer w.TsigTimersOnly(false)
	return sections(func(rrs []dns.RR) error {
		m := m.Copy()
		m.Compress, m.Answer = true, rrs
		err := w.WriteMsg(m)
		w.TsigTimersOnly(true)
		return err
	})
}

// notify hands a NOTIFY of another node's home zone (RFC 1996 §3.10), with the change
// that it carries, to the connection to that node, which fetches the rest at once.
func (f *Federation) notify(w dns.ResponseWriter, r *dns.Msg, qname string, signed verdict) (int, error) {
	m := new(dns.Msg)
	m.SetReply(r)
	m.Authoritative = true
	node, ok := record.HomeOf(qname, f.origin)
	switch {
	case signed != good:
		m.Rcode = dns.RcodeRefused
	case !ok:
		m.Rcode = dns.RcodeRefused
	default:
		p := f.authority.node.Peer(node)
		if p == nil {
			m.Rcode = dns.RcodeRefused // not NOTAUTH: the key is good
			break
		}
		p.HandleNotify(r.Answer, w.RemoteAddr())
	}
	return f.write(w, r, m)
}

// withheld counts the records that transfers leave out because no DNS message can
// carry them, and logs each once. Safe for concurrent use.
type withheld struct {
	origin string
	log    *slog.Logger

	mu     sync.Mutex
	logged map[string]bool // by the record's text
}

// maxWithheld bounds the records that are remembered as logged. After that many
// different ones the log says nothing new.
const maxWithheld = 100

// report is the LeftOut of a transfer.
func (l *withheld) report(rr dns.RR, err error) {
	withheldCount.WithLabelValues(l.origin).Inc()
	text := rr.String()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.log == nil || l.logged[text] || len(l.logged) >= maxWithheld {
		return
	}
	if l.logged == nil {
		l.logged = map[string]bool{}
	}
	l.logged[text] = true
	l.log.Error("record is left out of transfers: no DNS message can carry it; shorten it at its source",
		"name", rr.Header().Name, "err", err)
}
