package federation

import (
	"context"
	"time"

	"github.com/coredns/coredns/plugin/tsig"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"
)

// verdict is what the TSIG of a request is worth (RFC 8945 §5.2).
type verdict int

const (
	unsigned verdict = iota
	foreign          // a valid signature of a key that opens nothing here
	good             // signed with the transfer key
	bad
)

// signature judges a request. Where the tsig plugin stands in the chain it
// has verified, stripped and noted the key already.
func (f *Federation) signature(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) verdict {
	name, ok := tsig.ValidatedKeyName(ctx)
	if !ok {
		t := r.IsTsig()
		switch {
		case t == nil:
			return unsigned
		case w.TsigStatus() != nil:
			return bad
		}
		name = dns.CanonicalName(t.Hdr.Name)
	}
	if name == f.runtime.cfg.Key.Name {
		return good
	}
	return foreign
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
	m.SetTsig(t.Hdr.Name, t.Algorithm, fudge, time.Now().Unix())
}

// tsigRoom is what a TSIG takes at most: a key name, an algorithm, 64 octets
// of MAC and 26 of the rest (RFC 8945 §4.2).
const tsigRoom = 200

// fudge is the clock difference that a TSIG tolerates, in seconds.
const fudge = 300

// notAuth refuses a request whose signature does not verify (RFC 8945 §5.2).
func (f *Federation) notAuth(w dns.ResponseWriter, r *dns.Msg) (int, error) {
	badSignatureCount.WithLabelValues(f.origin).Inc()
	m := new(dns.Msg)
	m.SetRcode(r, dns.RcodeNotAuth)
	sign(w, r, m)
	if t := m.IsTsig(); t != nil {
		switch w.TsigStatus() {
		case dns.ErrSecret:
			t.Error = dns.RcodeBadKey
		case dns.ErrTime:
			t.Error = dns.RcodeBadTime
		default:
			t.Error = dns.RcodeBadSig
		}
	}
	if err := w.WriteMsg(m); err != nil {
		return dns.RcodeServerFailure, err
	}
	return dns.RcodeSuccess, nil
}
