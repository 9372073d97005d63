package udp

import (
	"fmt"
	"net"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// group is the sockets of this process on one address: those of others, which
// were there first, then ours. The kernel numbers them in this order, and a
// program says which one gets a datagram.
type group struct {
	mu     sync.Mutex
	others int
	conns  []*Conn
	heirs  map[*Conn]bool // those whose socket another Conn has too
}

var (
	groupsMu sync.Mutex
	groups   = map[string]*group{}
)

func groupOf(addr string) *group {
	groupsMu.Lock()
	defer groupsMu.Unlock()
	g := groups[addr]
	if g == nil {
		g = &group{heirs: map[*Conn]bool{}}
		groups[addr] = g
	}
	return g
}

// inherit returns a second descriptor for the socket of a Conn that has no
// heir yet, nil if there is none. The caller holds the lock.
func (g *group) inherit() (*net.UDPConn, error) {
	for _, c := range g.conns {
		if g.heirs[c] {
			continue
		}
		f, err := c.File()
		if err != nil {
			return nil, err
		}
		defer f.Close()
		p, err := net.FilePacketConn(f)
		if err != nil {
			return nil, err
		}
		g.heirs[c] = true
		return p.(*net.UDPConn), nil
	}
	return nil, nil
}

// add takes a Conn in and lets our sockets have the datagrams. The caller
// holds the lock.
func (g *group) add(c *Conn, others int) error {
	g.others, c.group = others, g
	g.conns = append(g.conns, c)
	err := g.steer(c, others, len(g.conns)-len(g.heirs))
	if err != nil {
		g.conns = g.conns[:len(g.conns)-1]
	}
	return err
}

// remove takes a Conn out, and reports whether its socket has another. If it
// was the last, the others have the datagrams again.
func (g *group) remove(c *Conn) (inherited bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	inherited = g.heirs[c]
	delete(g.heirs, c)
	g.conns = slices.DeleteFunc(g.conns, func(o *Conn) bool { return o == c })
	if len(g.conns) == 0 && !inherited {
		g.steer(c, 0, g.others) // else they get their share once the socket is closed
	}
	return inherited
}

// steer gives datagrams to n sockets from first on, by the processor that they
// arrive on. Should there be no socket of the number that comes out, the kernel
// takes one by a hash of the addresses: it may then be answered more slowly.
func (g *group) steer(c *Conn, first, n int) error {
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
	var err error
	if e := c.raw.Control(func(fd uintptr) {
		err = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF,
			&unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
	}); e != nil {
		return e
	}
	if err != nil {
		return fmt.Errorf("steer datagrams: %w", err)
	}
	return nil
}
