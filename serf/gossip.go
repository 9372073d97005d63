package serf

import (
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/netip"
	"sync"

	"github.com/hashicorp/memberlist"
)

// listenGossip opens the gossip sockets before Serf starts, so that a port in
// use leaves nothing half started.
func listenGossip(bind string, out io.Writer) (*memberlist.NetTransport, error) {
	addr, err := netip.ParseAddrPort(bind)
	if err != nil {
		return nil, fmt.Errorf("parse gossip address %q: %w", bind, err)
	}
	for try := 1; ; try++ {
		t, err := memberlist.NewNetTransport(&memberlist.NetTransportConfig{
			BindAddrs: []string{addr.Addr().String()},
			BindPort:  int(addr.Port()),
			Logger:    log.New(out, "", log.LstdFlags),
		})
		if err == nil {
			return t, nil
		}
		// A port that the kernel picked for TCP may be taken for UDP.
		if addr.Port() != 0 || try == 10 {
			return nil, listenError("gossip", bind, err)
		}
	}
}

// transport stands between memberlist and its sockets. It bounds what incoming
// connections may cost, and learns which address memberlist advertises.
type transport struct {
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

func newTransport(t memberlist.NodeAwareTransport, advertised func(netip.AddrPort), log *slog.Logger) *transport {
	g := &transport{NodeAwareTransport: t, limits: newLimits(log), streams: make(chan net.Conn),
		ending: make(chan struct{}), ended: make(chan struct{}), advertised: advertised}
	go g.pump()
	return g
}

// FinalAdvertiseAddr returns the address that others are told.
func (g *transport) FinalAdvertiseAddr(ip string, port int) (net.IP, int, error) {
	at, p, err := g.NodeAwareTransport.FinalAdvertiseAddr(ip, port)
	if err == nil {
		a, _ := netip.AddrFromSlice(at)
		g.advertised(netip.AddrPortFrom(a.Unmap(), uint16(p)))
	}
	return at, p, err
}

// StreamCh returns the connections that were admitted.
func (g *transport) StreamCh() <-chan net.Conn { return g.streams }

// Shutdown closes the sockets. memberlist's listeners wait until somebody has
// taken what has already arrived, so the pump takes it until they are gone.
func (g *transport) Shutdown() (err error) {
	g.once.Do(func() {
		close(g.ending)
		err = g.NodeAwareTransport.Shutdown()
		close(g.ended)
	})
	return err
}

func (g *transport) pump() {
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

// closeGossip closes a transport that memberlist does not serve.
func closeGossip(t *transport) {
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-t.PacketCh():
			case <-done:
				return
			}
		}
	}()
	t.Shutdown() // always nil
	close(done)
}
