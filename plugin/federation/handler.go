package federation

import (
	"context"
	"log/slog"
	"net"
	"slices"
	"strings"

	"github.com/asterfed/asterfed/plugin/federation/config"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
)

// Federation is the plugin: one zone, answered out of one authority. It has more
// methods than a type should, because CoreDNS delivers queries, transfers,
// NOTIFY, UPDATE and operator names to one handler; each has a file.
type Federation struct {
	Next      plugin.Handler
	origin    string
	authority *authority
	*shared
}

// shared is what the handlers of a server block share: CoreDNS makes one handler for
// each address that the block listens on.
type shared struct {
	requests  prometheus.Counter
	transfers chan struct{} // one for each transfer of the federation zone
	snapshots chan struct{} // one for each full transfer of a home zone
	writers   map[string]*writer
	resent    resent
	withheld  withheld // records that no transfer can carry
}

func newShared(cfg *config.Config, log *slog.Logger) *shared {
	return &shared{requests: requestCount.WithLabelValues(cfg.Origin), transfers: make(chan struct{}, maxTransfers),
		snapshots: make(chan struct{}, maxSnapshots), writers: writersOf(cfg.Updates), withheld: withheld{origin: cfg.Origin, log: log}}
}

// newFederation returns a handler that shares nothing.
func newFederation(r *authority) *Federation {
	return &Federation{origin: r.cfg.Origin, authority: r, shared: newShared(&r.cfg, r.log)}
}

// Name implements plugin.Handler.
func (f *Federation) Name() string { return "federation" }

// CacheBypassZones keeps the cache plugin away from answers that change with
// every registration.
func (f *Federation) CacheBypassZones() []string { return []string{f.origin} }

// ServeDNS implements plugin.Handler. Home zones exist only for requests that
// are signed with the transfer key.
func (f *Federation) ServeDNS(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	state := request.Request{W: w, Req: r}
	qname := questionName(&state)
	if !within(qname, f.origin) {
		return plugin.NextOrFailure(f.Name(), f.Next, ctx, w, r)
	}
	f.requests.Inc()
	if misplaced(r) {
		return dns.RcodeFormatError, nil
	}
	signed, key := f.signature(ctx, w, r)
	switch {
	case signed == bad:
		return f.notAuth(w, r)
	case r.Opcode == dns.OpcodeUpdate:
		return f.update(w, r, key)
	case r.Opcode == dns.OpcodeNotify:
		return f.notify(w, r, qname, signed)
	case r.Opcode != dns.OpcodeQuery:
		return dns.RcodeNotImplemented, nil
	case state.QClass() != dns.ClassINET && state.QClass() != dns.ClassANY:
		return dns.RcodeRefused, nil
	case signed == good && belowHomes(qname, f.origin):
		return f.home(ctx, w, r, qname)
	case signed == foreign && f.writerOf(qname, key) != nil:
		return f.read(w, r, qname, f.writerOf(qname, key))
	case signed == good && f.operates(qname):
		return f.operator(w, r, qname)
	case state.QType() == dns.TypeAXFR || state.QType() == dns.TypeIXFR:
		return f.outbound(w, r, qname, key)
	}
	if key != "" && state.QType() == dns.TypeSOA && qname == f.origin {
		f.authority.secondaryAsked(key, addrOf(w))
	}
	return f.answer(w, r, qname, state.QType())
}

// questionName is state.Name() without its work for escapes where there are none.
func questionName(state *request.Request) string {
	if len(state.Req.Question) == 0 {
		return state.Name()
	}
	name := state.Req.Question[0].Name
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c >= 'A' && c <= 'Z', c == '.', c == '-', c == '_', c == '+', c == '*':
		default:
			return state.Name()
		}
	}
	return strings.ToLower(name)
}

// within is dns.IsSubDomain(origin, qname), which takes both apart, for names
// in lower case.
func within(qname, origin string) bool {
	rest, ok := strings.CutSuffix(qname, origin)
	if ok && (rest == "" || rest[len(rest)-1] == '.') && strings.IndexByte(rest, '\\') < 0 {
		return true
	}
	return dns.IsSubDomain(origin, qname)
}

// belowHomes reports whether qname is homes.<origin> or below it.
func belowHomes(qname, origin string) bool {
	rest, ok := strings.CutSuffix(qname, "homes."+origin)
	return ok && (rest == "" || strings.HasSuffix(rest, "."))
}

// answer answers for the federation zone.
func (f *Federation) answer(w dns.ResponseWriter, r *dns.Msg, qname string, qtype uint16) (int, error) {
	client := f.client(w)
	res := f.authority.zone.LookupFor(client, qname, qtype)
	if res.Rcode == dns.RcodeServerFailure {
		unsettledCount.WithLabelValues(f.origin).Inc()
		return res.Rcode, nil
	}
	m := new(dns.Msg)
	m.SetRcode(r, res.Rcode)
	m.Authoritative, m.Compress, m.RecursionAvailable = !res.Referral, true, false
	m.Answer, m.Ns, m.Extra = res.Answer, res.Ns, res.Extra
	if state := (request.Request{W: w, Req: r}); len(res.DS) > 0 && state.Do() {
		m.Ns = slices.Concat(m.Ns, res.DS)
	}
	for i, rr := range m.Answer { // keep the case of the question (0x20)
		if h := rr.Header(); h.Name != r.Question[0].Name && strings.EqualFold(h.Name, r.Question[0].Name) {
			c := dns.Copy(rr)
			c.Header().Name = r.Question[0].Name
			if i == 0 {
				m.Answer = append([]dns.RR(nil), m.Answer...)
			}
			m.Answer[i] = c
		}
	}
	if err := f.secure(w, r, m, client); err != nil {
		return dns.RcodeServerFailure, err
	}
	return f.write(w, r, m)
}

// Ready implements ready.Readiness: the node knows its own registrations and those of
// the others. It may be called before the start.
func (f *Federation) Ready() bool { return f.authority.atWork.Load() && f.authority.node.Ready() }

// client returns how the client of a request is answered: by its address, which may
// be in a network with answers of its own.
func (f *Federation) client(w dns.ResponseWriter) record.Client {
	switch a := w.RemoteAddr().(type) {
	case *net.UDPAddr:
		return f.authority.zone.Client(a.AddrPort().Addr())
	case *net.TCPAddr:
		return f.authority.zone.Client(a.AddrPort().Addr())
	}
	return record.Client{}
}
