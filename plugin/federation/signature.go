package federation

import (
	"context"
	"fmt"
	"time"

	"github.com/asterfed/asterfed/zone/tsig"
	tsigplugin "github.com/coredns/coredns/plugin/tsig"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"
)

// verdict is the result of checking the TSIG of a request (RFC 8945 §5.2).
type verdict int

const (
	unsigned verdict = iota
	foreign          // a valid signature with another key
	good             // signed with the transfer key
	bad
)

// signature checks the TSIG of a request, and returns the name of the key if the
// verdict is good or foreign. Where the tsig plugin is in the chain, it has verified and
// removed the TSIG already, and left the name of the key.
func (f *Federation) signature(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (verdict, string) {
	name, ok := tsigplugin.ValidatedKeyName(ctx)
	if !ok {
		t := r.IsTsig()
		switch {
		case t == nil:
			return unsigned, ""
		case w.TsigStatus() != nil:
			return bad, ""
		}
		name = dns.CanonicalName(t.Hdr.Name)
	}
	if name == f.authority.cfg.Key.Name {
		return good, name
	}
	return foreign, name
}

// misplaced reports whether a TSIG is not the last record (RFC 8945 §5.1), so that
// another one might have been verified than the one that names the key, or whether
// there are several OPT records (RFC 6891 §6.1.1).
func misplaced(r *dns.Msg) bool {
	opts := 0
	for i, rr := range r.Extra {
		switch rr.Header().Rrtype {
		case dns.TypeTSIG:
			if i != len(r.Extra)-1 {
				return true
			}
		case dns.TypeOPT:
			opts++
		}
	}
	return opts > 1
}

// tsigOf returns the TSIG of a request with a good signature, nil if it is not visible.
// The tsig plugin only shortens the section, so that the TSIG is still behind its end.
func tsigOf(r *dns.Msg, key string) *dns.TSIG {
	if t := r.IsTsig(); t != nil {
		return t
	}
	if n := len(r.Extra); cap(r.Extra) > n {
		if t, ok := r.Extra[:n+1][n].(*dns.TSIG); ok && dns.CanonicalName(t.Hdr.Name) == key {
			return t
		}
	}
	return nil
}

// sign puts a TSIG on an answer to a signed request, after an OPT where the
// request has one; the server computes it.
func sign(w dns.ResponseWriter, r, m *dns.Msg) {
	t := r.IsTsig()
	if t == nil {
		return // unsigned, or the tsig plugin signs
	}
	state := request.Request{W: w, Req: r}
	state.SizeAndDo(m)
	if state.Proto() == "udp" { // a signed message is not truncated any more
		m.Truncate(state.Size() - tsigRoom)
	}
	m.SetTsig(t.Hdr.Name, t.Algorithm, tsig.Fudge, time.Now().Unix())
}

// tsigRoom is the largest size of a TSIG: a key name, an algorithm, 64 octets of MAC
// and 26 of the rest (RFC 8945 §4.2).
const tsigRoom = 200

// notAuth refuses a request whose signature does not verify (RFC 8945 §5.2).
func (f *Federation) notAuth(w dns.ResponseWriter, r *dns.Msg) (int, error) {
	badSignatureCount.WithLabelValues(f.origin).Inc()
	if r.Opcode == dns.OpcodeUpdate {
		updateCount.WithLabelValues(f.origin, dns.RcodeToString[dns.RcodeNotAuth]).Inc()
	}
	switch w.TsigStatus() {
	case dns.ErrSecret:
		return f.tsigError(w, r, r.IsTsig(), dns.RcodeBadKey)
	case dns.ErrTime:
		return f.tsigError(w, r, r.IsTsig(), dns.RcodeBadTime)
	}
	return f.tsigError(w, r, r.IsTsig(), dns.RcodeBadSig)
}

// tsigError answers NOTAUTH with an error of the signature t. BADTIME contains this
// node's time, and is signed (RFC 8945 §5.2.3).
func (f *Federation) tsigError(w dns.ResponseWriter, r *dns.Msg, t *dns.TSIG, code uint16) (int, error) {
	m := new(dns.Msg)
	m.SetRcode(r, dns.RcodeNotAuth)
	state := request.Request{W: w, Req: r}
	state.SizeAndDo(m)
	m.SetTsig(t.Hdr.Name, t.Algorithm, tsig.Fudge, time.Now().Unix())
	answer := m.IsTsig()
	if answer.Error = code; code == dns.RcodeBadTime {
		answer.TimeSigned = t.TimeSigned
		answer.OtherLen, answer.OtherData = 6, fmt.Sprintf("%012x", time.Now().Unix())
	}
	return f.send(w, m)
}
