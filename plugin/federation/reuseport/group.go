package reuseport

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Socket is a *net.UDPConn or a *net.TCPListener.
type Socket interface {
	SyscallConn() (syscall.RawConn, error)
	File() (*os.File, error)
	Close() error
}

// Group is the sockets of this process on one address: those of others, which were
// there first, then ours. The kernel numbers them in this order, and a program says
// which one gets a datagram or a connection.
type Group struct {
	network, addr string

	mu      sync.Mutex
	others  int
	sockets []Socket
	heirs   map[Socket]bool // those whose socket another one is too
}

var (
	groupsMu sync.Mutex
	groups   = map[string]*Group{}
)

// Of returns the group of a network, "udp" or "tcp", and an address ("HOST:PORT").
func Of(network, addr string) *Group {
	groupsMu.Lock()
	defer groupsMu.Unlock()
	g := groups[network+" "+addr]
	if g == nil {
		g = &Group{network: network, addr: addr, heirs: map[Socket]bool{}}
		groups[network+" "+addr] = g
	}
	return g
}

// open opens a socket. listen makes one of a file, which it must not keep, or, where that
// is nil, a new one by means of config.
func open[S Socket](g *Group, others int, listen func(inherited *os.File, config net.ListenConfig) (S, error)) (s S, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	from, file, err := g.inherit()
	if err != nil {
		return s, fmt.Errorf("listen on %s: %w", g.addr, err)
	}
	if file != nil {
		defer file.Close()
	}
	s, err = listen(file, net.ListenConfig{Control: Control})
	if err != nil {
		return s, fmt.Errorf("listen on %s: %w", g.addr, err)
	}
	if from != nil {
		g.heirs[from] = true
	}
	g.others = others
	g.sockets = append(g.sockets, s)
	if err := g.steer(s, others, len(g.sockets)-len(g.heirs)); err != nil {
		g.sockets = g.sockets[:len(g.sockets)-1]
		delete(g.heirs, from)
		s.Close()
		return s, err
	}
	return s, nil
}

// inherit returns a socket that has no heir yet and a second descriptor for it, nil if
// there is none.
func (g *Group) inherit() (Socket, *os.File, error) {
	for _, s := range g.sockets {
		if !g.heirs[s] {
			f, err := s.File()
			return s, f, err
		}
	}
	return nil, nil, nil
}

// Remove takes a socket that is about to be closed out of the group, and reports whether
// another one has taken it over. If it was the last of ours, the others get all again.
func (g *Group) Remove(s Socket) (inherited bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !slices.Contains(g.sockets, s) {
		return false
	}
	inherited = g.heirs[s]
	delete(g.heirs, s)
	g.sockets = slices.DeleteFunc(g.sockets, func(o Socket) bool { return o == s })
	if len(g.sockets) == 0 && !inherited {
		g.steer(s, 0, g.others) // else they get their share once the socket is closed
	}
	return inherited
}

// steer gives what arrives to n sockets from first on, by the processor that it
// arrives on. Should there be no socket of the number that comes out, the kernel
// takes one by a hash of the addresses.
func (g *Group) steer(s Socket, first, n int) error {
	if n < 1 {
		return nil
	}
	const cpu = 0xfffff000 + 36 // SKF_AD_OFF + SKF_AD_CPU of linux/filter.h
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: cpu},
		{Code: unix.BPF_ALU | unix.BPF_MOD | unix.BPF_K, K: uint32(n)},
		{Code: unix.BPF_ALU | unix.BPF_ADD | unix.BPF_K, K: uint32(first)},
		{Code: unix.BPF_RET | unix.BPF_A},
	}
	err := control(s, func(fd int) error {
		return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF,
			&unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
	})
	if err != nil {
		return fmt.Errorf("steer what arrives at %s %s: %w", g.network, g.addr, err)
	}
	return nil
}

func control(s Socket, f func(fd int) error) (err error) {
	raw, err := s.SyscallConn()
	if err != nil {
		return err
	}
	if e := raw.Control(func(fd uintptr) { err = f(int(fd)) }); e != nil {
		return e
	}
	return err
}

// Control is a net.ListenConfig.Control that sets SO_REUSEPORT.
func Control(_, _ string, c syscall.RawConn) (err error) {
	if e := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) }); e != nil {
		return e
	}
	return err
}

// ListenUDP opens a UDP socket that takes the datagrams which so far went to others
// sockets: that many, which have been opened before with SO_REUSEPORT. prepare is called
// before any arrives. One of ours whose Remove is to come is handed on, so that nothing
// that waits in it is lost.
func (g *Group) ListenUDP(others int, prepare func(*net.UDPConn) error) (*net.UDPConn, error) {
	return open(g, others, func(inherited *os.File, config net.ListenConfig) (*net.UDPConn, error) {
		var p net.PacketConn
		var err error
		if inherited != nil {
			p, err = net.FilePacketConn(inherited)
		} else {
			p, err = config.ListenPacket(context.Background(), "udp", g.addr)
		}
		if err != nil {
			return nil, err
		}
		c := p.(*net.UDPConn)
		if err := prepare(c); err != nil {
			c.Close()
			return nil, err
		}
		return c, nil
	})
}

// ListenTCP opens a TCP listener that takes the connections which so far went to others
// listeners, as ListenUDP does.
func (g *Group) ListenTCP(others int) (*net.TCPListener, error) {
	return open(g, others, func(inherited *os.File, config net.ListenConfig) (*net.TCPListener, error) {
		var l net.Listener
		var err error
		if inherited != nil {
			l, err = net.FileListener(inherited)
		} else {
			config.SetMultipathTCP(false) // which knows no programs
			l, err = config.Listen(context.Background(), "tcp", g.addr)
		}
		if err != nil {
			return nil, err
		}
		return l.(*net.TCPListener), nil
	})
}
