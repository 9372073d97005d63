package fastpath

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/reuseport"
)

// The connections over TCP that are open at once: of one client address, and in all. Each
// peer keeps one, and needs a second one for a full transfer; 200 peers may be behind one
// NAT address. A node's own Asterisk and each resolver need a few.
const (
	maxPerAddress = 500
	maxInAll      = 2000
)

// listener is a TCP listener that closes a connection at once where its client, or all
// clients together, have too many.
type listener struct {
	*net.TCPListener
	group   *reuseport.Group
	closing sync.Once

	mu   sync.Mutex
	open map[netip.Addr]int
	all  int
}

// listenTCP opens a listener beside others at addr ("IP:PORT").
func listenTCP(addr string, others int) (*listener, error) {
	g := reuseport.Of("tcp", addr)
	l, err := g.ListenTCP(others)
	if err != nil {
		return nil, err
	}
	return &listener{TCPListener: l, group: g, open: map[netip.Addr]int{}}, nil
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.TCPListener.AcceptTCP()
		if err != nil {
			return nil, err
		}
		from := c.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap()
		if l.enter(from) {
			return &conn{TCPConn: c, leave: sync.OnceFunc(func() { l.leave(from) })}, nil
		}
		c.SetLinger(0) // no state is kept for a client that has too many
		c.Close()
	}
}

// Close implements net.Listener.
func (l *listener) Close() error {
	l.closing.Do(func() { l.group.Remove(l.TCPListener) })
	return l.TCPListener.Close()
}

func (l *listener) enter(from netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all >= maxInAll || l.open[from] >= maxPerAddress {
		return false
	}
	l.all++
	l.open[from]++
	return true
}

func (l *listener) leave(from netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all--
	if l.open[from]--; l.open[from] == 0 {
		delete(l.open, from)
	}
}

// conn is one connection of a listener.
type conn struct {
	*net.TCPConn
	leave func()
}

// writeTimeout is how long a client may take to make room for an answer.
const writeTimeout = 10 * time.Second

// Write implements net.Conn.
func (c *conn) Write(b []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, err
	}
	return c.TCPConn.Write(b)
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.leave()
	return c.TCPConn.Close()
}
