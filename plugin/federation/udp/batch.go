package udp

import (
	"encoding/binary"
	"net"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// width is how many datagrams go with one system call.
const width = 64

// mmsghdr is the kernel's struct (recvmmsg(2)), which x/sys lacks.
type mmsghdr struct {
	hdr unix.Msghdr
	len uint32
}

// batch is a set of datagrams with their addresses, in the kernel's form, so
// that a reply takes over the address that its request came from as it is.
type batch struct {
	n       int // datagrams that are there
	sent    int // of these
	err     error
	size    int
	headers [width]mmsghdr
	vectors [width]unix.Iovec
	names   [width]unix.RawSockaddrInet6 // large enough for IPv4 too
	control [width][controlSize]byte
	data    []byte
	wild    bool
}

func newBatch(size int, wild bool) *batch {
	b := &batch{size: size, data: make([]byte, width*size), wild: wild}
	for i := range b.headers {
		b.vectors[i].Base = &b.data[i*size]
		h := &b.headers[i].hdr
		h.Iov, h.Name = &b.vectors[i], (*byte)(unsafe.Pointer(&b.names[i]))
		h.SetIovlen(1)
		if wild {
			h.Control = &b.control[i][0]
		}
	}
	return b
}

// receive fills the batch with what waits in the socket. It returns false if
// nothing does. Neither this nor send ever waits in the kernel, so the scheduler does
// not learn of them: during a full batch it would give the core to other work, and
// have to be asked for it back.
func (b *batch) receive(fd uintptr) bool {
	for i := range b.headers {
		h := &b.headers[i].hdr
		b.vectors[i].SetLen(b.size)
		h.Namelen = unix.SizeofSockaddrInet6
		if b.wild {
			h.SetControllen(controlSize)
		}
	}
	n, _, errno := syscall.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&b.headers[0])), width, unix.MSG_DONTWAIT, 0, 0)
	b.n, b.err = 0, nil
	switch {
	case errno == unix.EAGAIN:
		return false
	case errno != 0:
		b.err = errno
	default:
		b.n = int(n)
	}
	return true
}

// send sends the datagrams that have not been sent. It returns false while the
// socket takes no more. One that cannot be sent is left out.
func (b *batch) send(fd uintptr) bool {
	for b.sent < b.n {
		n, _, errno := syscall.RawSyscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&b.headers[b.sent])), uintptr(b.n-b.sent), unix.MSG_DONTWAIT, 0, 0)
		switch {
		case errno == unix.EAGAIN:
			return false
		case errno == unix.EINTR:
		case errno != 0:
			b.sent++
		default:
			b.sent += int(n)
		}
	}
	return true
}

func (b *batch) reset() { b.n, b.sent = 0, 0 }

// datagram returns what was received, as far as it fits.
func (b *batch) datagram(i int) []byte {
	at := i * b.size
	return b.data[at : at+int(b.headers[i].len) : at+b.size]
}

// from returns the address that a datagram came from.
func (b *batch) from(i int) netip.AddrPort {
	n := &b.names[i]
	port := binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&n.Port))[:])
	if n.Family == unix.AF_INET {
		four := (*unix.RawSockaddrInet4)(unsafe.Pointer(n))
		return netip.AddrPortFrom(netip.AddrFrom4(four.Addr), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom16(n.Addr), port)
}

// source returns the address for a reply that is sent later, by itself.
func (b *batch) source(i int) *Source {
	from := b.from(i)
	a := from.Addr().Unmap()
	u := &net.UDPAddr{IP: a.AsSlice(), Port: int(from.Port())}
	if id := b.names[i].Scope_id; a.Is6() && id != 0 {
		u.Zone = zone(id)
	}
	s := &Source{UDPAddr: u}
	if b.wild {
		s.control = replyControl(nil, b.control[i][:b.headers[i].hdr.Controllen])
	}
	return s
}

// zone names an interface (RFC 4007 §11.2).
func zone(id uint32) string {
	if i, err := net.InterfaceByIndex(int(id)); err == nil {
		return i.Name
	}
	return ""
}

// room returns where the next reply goes.
func (b *batch) room() []byte {
	at := b.n * b.size
	return b.data[at : at : at+b.size]
}

// reply adds a reply of so many octets, in the room given, to a datagram.
func (b *batch) reply(in *batch, i, length int) {
	h, n := &b.headers[b.n].hdr, &in.headers[i].hdr
	b.vectors[b.n].SetLen(length)
	b.names[b.n], h.Namelen = in.names[i], n.Namelen
	if b.wild {
		c := replyControl(b.control[b.n][:0], in.control[i][:n.Controllen])
		h.SetControllen(len(c))
		h.Control = nil
		if len(c) > 0 {
			h.Control = &b.control[b.n][0]
		}
	}
	b.n++
}
