package gate

import (
	"log/slog"
	"net"
	"net/netip"
	"sync"

	"github.com/hashicorp/memberlist"
)

// Transport stands between memberlist and its sockets. It bounds what incoming
// connections may cost, and learns which address memberlist advertises.
type Transport struct {
	memberlist.NodeAwareTransport
	limits  *limits
	streams chan net.Conn // connections admitted
	ending  chan struct{} // closed when Shutdown begins
	ended   chan struct{} // closed when the sockets are closed
	once    sync.Once

	// advertised is called with the own address each time memberlist asks for
	// it: first after Serf has completed memberlist's configuration and before
	// any goroutine of memberlist runs.
	advertised func(netip.AddrPort)
}

// NewTransport returns the transport that memberlist uses in place of t.
func NewTransport(t memberlist.NodeAwareTransport, advertised func(netip.AddrPort), log *slog.Logger) *Transport {
	g := &Transport{NodeAwareTransport: t, limits: newLimits(log), streams: make(chan net.Conn),
		ending: make(chan struct{}), ended: make(chan struct{}), advertised: advertised}
	go g.pump()
	return g
}

// FinalAdvertiseAddr returns the address that others are told.
func (g *Transport) FinalAdvertiseAddr(ip string, port int) (net.IP, int, error) {
	at, p, err := g.NodeAwareTransport.FinalAdvertiseAddr(ip, port)
	if err == nil {
		a, _ := netip.AddrFromSlice(at)
		g.advertised(netip.AddrPortFrom(a.Unmap(), uint16(p)))
	}
	return at, p, err
}

// StreamCh returns the connections that were admitted.
func (g *Transport) StreamCh() <-chan net.Conn { return g.streams }

// Shutdown closes the sockets. memberlist's listeners wait until somebody has
// taken what has already arrived, so the pump takes it until they are gone.
func (g *Transport) Shutdown() (err error) {
	g.once.Do(func() {
		close(g.ending)
		err = g.NodeAwareTransport.Shutdown()
		close(g.ended)
	})
	return err
}

func (g *Transport) pump() {
	for {
		select {
		case c := <-g.NodeAwareTransport.StreamCh():
			if c = g.limits.admit(c); c == nil {
				continue
			}
			select {
			case g.streams <- c:
			case <-g.ending:
				c.Close()
			}
		case <-g.ended:
			return
		}
	}
}

// Know replaces the addresses of the members, which strangers cannot keep out.
func (g *Transport) Know(members []netip.Addr) { g.limits.know(members) }

// Abandon closes a transport that memberlist does not serve.
func (g *Transport) Abandon() {
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-g.PacketCh():
			case <-done:
				return
			}
		}
	}()
	g.Shutdown() // always nil
	close(done)
}
