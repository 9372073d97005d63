package federation

import (
	"net"

	"github.com/asterfed/asterfed/zone"
	"github.com/miekg/dns"
)

// asker returns what the source address of a request comes to.
func (f *Federation) asker(w dns.ResponseWriter) zone.Asker {
	switch a := w.RemoteAddr().(type) {
	case *net.UDPAddr:
		return f.runtime.view.Asker(a.AddrPort().Addr())
	case *net.TCPAddr:
		return f.runtime.view.Asker(a.AddrPort().Addr())
	}
	return zone.Asker{}
}

// here is this node as an asker: by the address that its Asterisk sends from.
func (r *Runtime) here() zone.Asker { return r.view.Asker(r.cfg.Sender()) }
