package federation

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"time"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"
)

// maxUDP is the largest answer over UDP, in octets, where the server block has no
// bufsize: it passes every path unfragmented (RFC 9715).
const maxUDP = 1232

// front is the first handler of a server block that has a federation, before
// every plugin. It decides what leaves the server, whichever plugin answers.
type front struct {
	next   plugin.Handler
	origin string
	size   uint16 // of an answer over UDP at most, 0 where bufsize decides
	// secrets are those of the TSIG keys, by name.
	secrets map[string]string
}

// standInFront makes front the first handler of a server block.
func standInFront(conf *dnsserver.Config, origin string) {
	conf.Plugin = slices.Insert(conf.Plugin, 0, func(next plugin.Handler) plugin.Handler {
		f := &front{next: next, origin: origin, size: maxUDP, secrets: conf.TsigSecret}
		if conf.Handler("bufsize") != nil {
			f.size = 0
		}
		return f
	})
}

// Name implements plugin.Handler.
func (f *front) Name() string { return "federation_front" }

// ServeDNS implements plugin.Handler.
func (f *front) ServeDNS(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	if s, ok := w.(*request.ScrubWriter); ok {
		// Below Scrub, which has the last word on compression.
		s.ResponseWriter = spelled(decorated(s.ResponseWriter), r, f.secrets)
	} else {
		w = spelled(w, r, f.secrets)
	}
	if opt := r.IsEdns0(); opt != nil && f.size > 0 && opt.UDPSize() > f.size {
		opt.SetUDPSize(f.size)
	}
	if t := r.IsTsig(); t != nil && !validMACSize(t) {
		badSignatureCount.WithLabelValues(f.origin).Inc()
		return dns.RcodeFormatError, nil
	}
	return f.next.ServeDNS(ctx, w, r)
}

// hashSize is the size of a whole MAC of each algorithm, in octets.
var hashSize = map[string]uint16{
	dns.HmacMD5: 16, dns.HmacSHA1: 20, dns.HmacSHA224: 28, dns.HmacSHA256: 32, dns.HmacSHA384: 48, dns.HmacSHA512: 64,
}

// validMACSize reports whether the MAC of a request may have its size (RFC 8945
// §5.2.2.1). miekg/dns cannot pack an answer to a request with a MAC of one octet.
func validMACSize(t *dns.TSIG) bool {
	whole, known := hashSize[dns.CanonicalName(t.Algorithm)]
	return t.MACSize >= max(10, whole/2) && (!known || t.MACSize <= whole)
}

// decorated returns the writer for a query: it compresses every message, since CoreDNS
// compresses only those that do not fit otherwise, over TCP above 65,535 octets, and
// Asterisk reads no more than 4,096.
func decorated(w dns.ResponseWriter) dns.ResponseWriter {
	if _, ok := w.RemoteAddr().(*net.TCPAddr); ok {
		return &streamWriter{w}
	}
	return &datagramWriter{w}
}

// datagramWriter writes answers over UDP.
type datagramWriter struct{ dns.ResponseWriter }

// WriteMsg implements dns.ResponseWriter.
func (w *datagramWriter) WriteMsg(m *dns.Msg) error {
	m.Compress = true
	return w.ResponseWriter.WriteMsg(m)
}

// streamWriter writes answers to a TCP connection, and closes it when one cannot be
// written: the queries behind it would be answered for nobody.
type streamWriter struct{ dns.ResponseWriter }

// writeStall is how long a client may take to read one message.
const writeStall = 10 * time.Second

// WriteMsg implements dns.ResponseWriter.
func (w *streamWriter) WriteMsg(m *dns.Msg) error {
	m.Compress = true
	return w.watch(func() error { return w.ResponseWriter.WriteMsg(m) })
}

// Write implements dns.ResponseWriter.
func (w *streamWriter) Write(b []byte) (n int, err error) {
	err = w.watch(func() error {
		n, err = w.ResponseWriter.Write(b)
		return err
	})
	return n, err
}

// ConnectionState implements dns.ConnectionStater.
func (w *streamWriter) ConnectionState() *tls.ConnectionState {
	if s, ok := w.ResponseWriter.(dns.ConnectionStater); ok {
		return s.ConnectionState()
	}
	return nil
}

// watch closes the connection if write takes too long or fails. The server sets no
// deadline for writes.
func (w *streamWriter) watch(write func() error) error {
	stuck := time.AfterFunc(writeStall, func() { w.Close() })
	err := write()
	if stuck.Stop() && gone(err) {
		w.Close()
	}
	return err
}

// gone reports whether an answer could not be written because of the client or the
// network, not because of what is in it.
func gone(err error) bool {
	var op *net.OpError
	return errors.As(err, &op)
}
