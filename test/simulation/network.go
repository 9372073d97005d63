package simulation

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// The ports of every host.
const (
	gossipPort = 7946
	dnsPort    = 53
)

// network joins hosts that lie on a square; how far apart says how long a
// packet takes. Its methods are safe for concurrent use.
type network struct {
	loss  float64          // of each packet, 0 to 1
	hosts map[string]*host // by IP address; never changes
}

// host is one machine. It survives the restarts of what runs on it.
type host struct {
	net  *network
	ip   net.IP
	x, y float64 // milliseconds

	off  atomic.Bool  // no power
	side atomic.Int32 // hosts on different sides cannot reach each other
	sip  atomic.Bool  // its Asterisk answers OPTIONS

	mu        sync.Mutex
	listeners map[int]*listener
	gossip    atomic.Pointer[transport]

	// What this host has sent, and the stream connections it has open.
	Gossip, Transfer traffic
}

// traffic counts what one host sends: octets include the headers of IPv4 with
// UDP or TCP, messages are UDP packets and writes to a stream.
type traffic struct{ Messages, Octets, Conns atomic.Int64 }

// The spread of hosts: one-way latency is 0.3 ms plus up to 14 ms, so that
// round trips stay below the 50 ms that profile lan is made for.
const (
	nearest = 300 * time.Microsecond
	edge    = 10 // milliseconds
)

// newNetwork returns a network of n hosts; the seed says where they lie.
func newNetwork(n int, loss float64, seed uint64) (*network, []*host) {
	r := rand.New(rand.NewPCG(seed, uint64(n)))
	nw := &network{loss: loss, hosts: make(map[string]*host, n)}
	list := make([]*host, n)
	for i := range list {
		h := &host{net: nw, ip: net.IPv4(10, 0, byte(i/250), byte(1+i%250)).To4(), listeners: map[int]*listener{},
			x: edge * r.Float64(), y: edge * r.Float64()}
		h.sip.Store(true)
		list[i], nw.hosts[h.ip.String()] = h, h
	}
	return nw, list
}

func (h *host) addr(port int) string { return net.JoinHostPort(h.ip.String(), strconv.Itoa(port)) }

// latency is how long a packet takes one way.
func (h *host) latency(to *host) time.Duration {
	return nearest + time.Duration(math.Hypot(h.x-to.x, h.y-to.y)*float64(time.Millisecond))
}

// reaches reports whether packets arrive.
func (h *host) reaches(to *host) bool {
	return !h.off.Load() && !to.off.Load() && h.side.Load() == to.side.Load()
}

func (n *network) lost() bool { return n.loss > 0 && rand.Float64() < n.loss }

// host returns whom addr (ip:port) belongs to, nil if nobody.
func (n *network) host(addr string) (*host, int) {
	ip, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, 0
	}
	p, _ := strconv.Atoi(port)
	return n.hosts[ip], p
}

// synRetry is how long TCP waits for the answer to its first segment.
const synRetry = time.Second

// dial opens a stream from the host to addr. A host that cannot be reached
// does not answer; one where nothing listens refuses.
func (h *host) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	to, port := h.net.host(addr)
	wait := time.Duration(math.MaxInt64)
	if to != nil && h.reaches(to) {
		if wait = 2 * h.latency(to); h.net.lost() {
			wait += synRetry
		}
	}
	if err := sleep(ctx, wait); err != nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded}
	}
	to.mu.Lock()
	l := to.listeners[port]
	to.mu.Unlock()
	near, far := newConn(h, to, port)
	if l == nil || !l.deliver(far) {
		near.Close()
		far.Close()
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	return near, nil
}

// Options asks the other host's Asterisk for a sign of life.
func (h *host) Options(ctx context.Context, to *host) error {
	wait := time.Duration(math.MaxInt64)
	if h.reaches(to) {
		wait = 2 * h.latency(to)
	}
	if err := sleep(ctx, wait); err != nil {
		return err
	}
	if !to.sip.Load() {
		return syscall.ECONNREFUSED
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// listener is a net.Listener on a port of a host.
type listener struct {
	host  *host
	port  int
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

// backlog bounds the connections that nobody has accepted yet.
const backlog = 4096

// Listen opens a port for streams.
func (h *host) Listen(port int) (*listener, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.listeners[port] != nil {
		return nil, fmt.Errorf("listen on %s: %w", h.addr(port), syscall.EADDRINUSE)
	}
	l := &listener{host: h, port: port, conns: make(chan net.Conn, backlog), done: make(chan struct{})}
	h.listeners[port] = l
	return l, nil
}

func (l *listener) deliver(c net.Conn) bool {
	select {
	case l.conns <- c:
		return true
	default:
		return false
	}
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *listener) Close() error {
	l.once.Do(func() {
		l.host.mu.Lock()
		delete(l.host.listeners, l.port)
		l.host.mu.Unlock()
		close(l.done)
	})
	return nil
}

// Addr implements net.Listener.
func (l *listener) Addr() net.Addr { return &net.TCPAddr{IP: l.host.ip, Port: l.port} }
