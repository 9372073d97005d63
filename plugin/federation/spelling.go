package federation

import (
	"errors"

	"github.com/miekg/dns"
)

// spelledWriter signs the answers to a request whose key name is spelled with
// other capitals than the server's table of secrets has. Key names compare
// without case (RFC 8945 §4.2); the server looks them up octet by octet. The
// answer has the name as the request spells it.
type spelledWriter struct {
	dns.ResponseWriter
	secret string
	mac    string // of the request, then of each answer
	timers bool
}

// spelled returns a writer for a request that the server took for one of an
// unknown key, if it knows the key under another spelling and the signature is
// good; otherwise w.
func spelled(w dns.ResponseWriter, r *dns.Msg, secrets map[string]string) dns.ResponseWriter {
	t := r.IsTsig()
	if t == nil || !errors.Is(w.TsigStatus(), dns.ErrSecret) {
		return w
	}
	secret, known := secrets[dns.CanonicalName(t.Hdr.Name)]
	if !known || !verified(r, secret) {
		return w
	}
	return &spelledWriter{ResponseWriter: w, secret: secret, mac: t.MAC}
}

// verified reports whether a request has a good signature. Its octets are gone: it
// is packed again, with and without compression, and the signature proves that
// one of the two is what was sent.
func verified(r *dns.Msg, secret string) bool {
	for _, compress := range []bool{true, false} {
		m := *r
		m.Compress = compress
		wire, err := m.Pack()
		if err == nil && dns.TsigVerify(wire, secret, "", false) == nil {
			return true
		}
	}
	return false
}

// TsigStatus implements dns.ResponseWriter.
func (w *spelledWriter) TsigStatus() error { return nil }

// TsigTimersOnly implements dns.ResponseWriter.
func (w *spelledWriter) TsigTimersOnly(b bool) { w.timers = b }

// WriteMsg implements dns.ResponseWriter.
func (w *spelledWriter) WriteMsg(m *dns.Msg) error {
	if m.IsTsig() == nil {
		return w.ResponseWriter.WriteMsg(m)
	}
	wire, mac, err := dns.TsigGenerate(m, w.secret, w.mac, w.timers)
	if err != nil {
		return err
	}
	w.mac = mac
	_, err = w.ResponseWriter.Write(wire)
	return err
}
