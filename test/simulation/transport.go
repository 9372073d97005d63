package simulation

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

// transport is a memberlist.Transport on a host. memberlist's own mock shares
// one mutex among all nodes and stands still at a thousand of them; this one
// has no lock that is held while anything waits, which virtual time demands.
type transport struct {
	host    *host
	packets chan *memberlist.Packet
	streams *listener
	conns   chan net.Conn
	done    chan struct{}
	once    sync.Once
}

// udpHeader is what UDP over IPv4 adds.
const udpHeader = 28

// newTransport opens the gossip port of a host.
func newTransport(h *host) (*transport, error) {
	l, err := h.Listen(gossipPort)
	if err != nil {
		return nil, err
	}
	t := &transport{host: h, packets: make(chan *memberlist.Packet, 1024), streams: l, conns: make(chan net.Conn),
		done: make(chan struct{})}
	h.gossip.Store(t)
	go t.accept()
	return t, nil
}

func (t *transport) accept() {
	for {
		c, err := t.streams.Accept()
		if err != nil {
			return
		}
		select {
		case t.conns <- c:
		case <-t.done:
			c.Close()
			return
		}
	}
}

// FinalAdvertiseAddr implements memberlist.Transport.
func (t *transport) FinalAdvertiseAddr(string, int) (net.IP, int, error) {
	return t.host.ip, gossipPort, nil
}

// WriteTo implements memberlist.Transport.
func (t *transport) WriteTo(b []byte, addr string) (time.Time, error) {
	now := time.Now()
	t.host.Gossip.Messages.Add(1)
	t.host.Gossip.Octets.Add(int64(len(b) + udpHeader))
	to, _ := t.host.net.host(addr)
	if to == nil || !t.host.reaches(to) || t.host.net.lost() {
		return now, nil
	}
	p := &memberlist.Packet{Buf: append([]byte(nil), b...), From: &net.UDPAddr{IP: t.host.ip, Port: gossipPort}}
	time.AfterFunc(t.host.latency(to), func() {
		if r := to.gossip.Load(); r != nil && t.host.reaches(to) {
			p.Timestamp = time.Now()
			select {
			case r.packets <- p:
			default: // as a kernel does whose buffer is full
			}
		}
	})
	return now, nil
}

// PacketCh implements memberlist.Transport.
func (t *transport) PacketCh() <-chan *memberlist.Packet { return t.packets }

// StreamCh implements memberlist.Transport.
func (t *transport) StreamCh() <-chan net.Conn { return t.conns }

// DialTimeout implements memberlist.Transport.
func (t *transport) DialTimeout(addr string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return t.host.dial(ctx, "tcp", addr)
}

// Shutdown implements memberlist.Transport.
func (t *transport) Shutdown() error {
	t.once.Do(func() {
		t.host.gossip.CompareAndSwap(t, nil)
		t.streams.Close()
		close(t.done)
	})
	return nil
}
