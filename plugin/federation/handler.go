package federation

import (
	"context"
	"slices"
	"strings"

	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"
)

// Federation is the plugin: one zone out of one Runtime.
type Federation struct {
	Next    plugin.Handler
	origin  string
	runtime *Runtime
	// withheld are records that no transfer can carry.
	withheld withheld
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
	f.runtime.requests.Inc()
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
		return f.outward(w, r, qname, key)
	}
	if key != "" && state.QType() == dns.TypeSOA && qname == f.origin {
		f.runtime.shown(key, addrOf(w))
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

// answer serves the federation zone from the view.
func (f *Federation) answer(w dns.ResponseWriter, r *dns.Msg, qname string, qtype uint16) (int, error) {
	asker := f.asker(w)
	res := f.runtime.view.LookupFor(asker, qname, qtype)
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
	if err := f.secure(w, r, m, asker); err != nil {
		return dns.RcodeServerFailure, err
	}
	return f.write(w, r, m)
}

// Ready implements ready.Readiness: the node knows its own registrations and
// those of the others.
func (f *Federation) Ready() bool {
	r := f.runtime
	return r.view.Settled() && (r.source == nil || r.monitor.Ready())
}
