package udp

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/asterfed/asterfed/plugin/federation/reuseport"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

// Answer appends the reply to a datagram to buf, whose capacity is MaxReply,
// and returns it. false stands for a datagram that it leaves to the reader. The
// datagram is valid during the call only. Calls for one Conn come one after
// the other.
type Answer func(buf, datagram []byte, from netip.AddrPort) ([]byte, bool)

// MaxReply bounds a reply, maxRequest what is seen of a datagram, in octets.
// The latter is what CoreDNS reads.
const (
	MaxReply   = 1500
	maxRequest = 512
)

// Conn is a net.PacketConn. ReadFrom answers datagrams for as long as Answer
// takes them, and returns one that it does not take; it is for one goroutine,
// all else is for any. The addresses that it returns are *Source.
type Conn struct {
	*net.UDPConn
	raw    syscall.RawConn
	answer Answer
	in     *batch
	out    *batch
	next   int // datagram of in to look at

	ahead         func(datagram []byte) // nil: nothing is looked at ahead
	receive, send func(fd uintptr) bool
	group         *reuseport.Group
	closing       sync.Once
}

// Listen returns a socket on addr ("HOST:PORT") that takes the datagrams which
// so far went to others sockets there: that many, which have been opened before
// with SO_REUSEPORT.
//
// A Conn that serves the same address, and whose Close is to come, gives its
// socket to the new one, so that nothing that waits in it is lost.
func Listen(addr string, others int, answer Answer) (*Conn, error) {
	g := reuseport.Of("udp", addr)
	u, err := g.ListenUDP(others, func(u *net.UDPConn) error {
		if !wild(u) {
			return nil
		}
		// Replies must come from the address that was asked.
		err6 := ipv6.NewPacketConn(u).SetControlMessage(ipv6.FlagDst|ipv6.FlagInterface, true)
		err4 := ipv4.NewPacketConn(u).SetControlMessage(ipv4.FlagDst|ipv4.FlagInterface, true)
		if err6 != nil && err4 != nil {
			return err4
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	raw, err := u.SyscallConn()
	if err != nil {
		g.Remove(u)
		u.Close()
		return nil, err
	}
	c := &Conn{UDPConn: u, raw: raw, answer: answer, in: newBatch(maxRequest, wild(u)), out: newBatch(MaxReply, wild(u)), group: g}
	c.receive = func(fd uintptr) bool { return c.in.receive(fd) }
	c.send = func(fd uintptr) bool { return c.out.send(fd) }
	return c, nil
}

// wild reports whether a socket takes what is sent to any address.
func wild(u *net.UDPConn) bool { return u.LocalAddr().(*net.UDPAddr).IP.IsUnspecified() }

// ReadFrom implements net.PacketConn.
func (c *Conn) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		if i, ok := c.serve(); ok {
			n := copy(b, c.in.datagram(i))
			return n, c.in.source(i), nil
		}
		if err := c.flush(); err != nil {
			return 0, nil, err
		}
		c.next = 0
		c.in.n = 0
		if err := c.raw.Read(c.receive); err != nil {
			return 0, nil, err
		}
		c.lookAhead()
		if err := c.in.err; err != nil && !passing(err) {
			return 0, nil, &net.OpError{Op: "read", Net: "udp", Addr: c.LocalAddr(), Err: err}
		}
	}
}

// passing reports whether an error concerns an earlier datagram, or nothing: the socket
// still works.
func passing(err error) bool {
	return errors.Is(err, unix.EINTR) || errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.EHOSTUNREACH) ||
		errors.Is(err, unix.ENETUNREACH) || errors.Is(err, unix.ENOBUFS) || errors.Is(err, unix.ENOMEM)
}

// serve answers what has been received, up to a datagram that is not taken.
func (c *Conn) serve() (declined int, ok bool) {
	for c.next < c.in.n {
		i := c.next
		c.next++
		reply, ok := c.answer(c.out.room(), c.in.datagram(i), c.in.from(i))
		if !ok {
			return i, true
		}
		c.out.reply(c.in, i, len(reply))
	}
	return 0, false
}

// flush sends the replies that there are. A reply that cannot be sent is lost,
// as any datagram may be.
func (c *Conn) flush() error {
	if c.out.n == 0 {
		return nil
	}
	err := c.raw.Write(c.send)
	c.out.reset()
	return err
}

// WriteTo implements net.PacketConn. A reply to a *Source leaves from the
// address that its datagram went to.
func (c *Conn) WriteTo(b []byte, to net.Addr) (int, error) {
	s, ok := to.(*Source)
	if !ok {
		return c.UDPConn.WriteTo(b, to)
	}
	n, _, err := c.WriteMsgUDP(b, s.control, s.UDPAddr)
	return n, err
}

// Close implements net.PacketConn. What was received is answered, and what waits in the
// socket too, unless another Conn has it now. It is to be called after the last ReadFrom.
func (c *Conn) Close() error {
	c.closing.Do(func() {
		inherited := c.group.Remove(c.UDPConn)
		c.UDPConn.SetDeadline(time.Time{})
		for {
			for _, ok := c.serve(); ok; _, ok = c.serve() {
			}
			c.flush()
			c.next, c.in.n = 0, 0
			if inherited {
				return
			}
			if err := c.raw.Control(func(fd uintptr) { c.in.receive(fd) }); err != nil || c.in.n == 0 {
				return
			}
		}
	})
	return c.UDPConn.Close()
}

// Source is where a datagram came from, and the address that it went to.
type Source struct {
	*net.UDPAddr
	control []byte
}

// Unwrap returns the address alone.
func (s *Source) Unwrap() net.Addr { return s.UDPAddr }

// worthwhile is how many datagrams together are looked at ahead.
const worthwhile = 5

// LookAhead makes f see every datagram of a larger batch before any is answered,
// and nil after the last. It is to be called before ReadFrom.
func (c *Conn) LookAhead(f func(datagram []byte)) { c.ahead = f }

func (c *Conn) lookAhead() {
	if c.ahead == nil || c.in.n < worthwhile {
		return
	}
	for i := range c.in.n {
		c.ahead(c.in.datagram(i))
	}
	c.ahead(nil)
}
