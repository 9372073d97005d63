package udp

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// controlSize has room for the two messages that a socket for both families
// may give, IP_PKTINFO and IPV6_PKTINFO: 72 octets where words have 8.
const controlSize = 96

// replyControl appends the control message with which a reply leaves from the
// address that the request went to (ip(7), RFC 3542 §6.2); it leaves the
// interface to the routing table. Without such an address it appends nothing.
func replyControl(out, in []byte) []byte {
	for len(in) >= unix.SizeofCmsghdr {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&in[0]))
		length := int(h.Len)
		if length < unix.SizeofCmsghdr || length > len(in) {
			return out
		}
		data := in[unix.CmsgLen(0):length]
		switch {
		case h.Level == unix.IPPROTO_IP && h.Type == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
			out, room := header(out, unix.IPPROTO_IP, unix.IP_PKTINFO, unix.SizeofInet4Pktinfo)
			copy(room[4:8], data[8:12]) // ipi_spec_dst from ipi_addr
			return out
		case h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
			out, room := header(out, unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, unix.SizeofInet6Pktinfo)
			copy(room, data[:16])
			return out
		}
		in = in[min(len(in), unix.CmsgSpace(length-unix.CmsgLen(0))):]
	}
	return out
}

// header appends an empty control message and returns its data too.
func header(out []byte, level, typ int32, size int) (all, data []byte) {
	at := len(out)
	for range unix.CmsgSpace(size) {
		out = append(out, 0)
	}
	h := (*unix.Cmsghdr)(unsafe.Pointer(&out[at]))
	h.Level, h.Type = level, typ
	h.SetLen(unix.CmsgLen(size))
	return out, out[at+unix.CmsgLen(0) : at+unix.CmsgLen(size)]
}
