package lab

import (
	"encoding/binary"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// The payload types of the phones (RFC 3551, RFC 4733).
const (
	payloadPCMA  = 8
	payloadEvent = 101
)

// Ear hears the media that arrives at the phones.
type Ear struct {
	mu      sync.Mutex
	packets map[int]int
	digits  map[int]map[byte]bool
	fd      int
}

// Listen starts to listen in the phones' namespace. The caller must Close.
func (l *Lab) Listen() (*Ear, error) {
	e := &Ear{packets: map[int]int{}, digits: map[int]map[byte]bool{}}
	err := l.phones.enter(func() (err error) {
		const ipv4 = unix.ETH_P_IP<<8&0xff00 | unix.ETH_P_IP>>8 // in network order
		e.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, ipv4)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listen to media: %w", err)
	}
	// A timeout instead of a close from elsewhere, which would not wake it.
	if err := unix.SetsockoptTimeval(e.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 200_000}); err != nil {
		return nil, fmt.Errorf("listen to media: %w", err)
	}
	go e.hear()
	return e, nil
}

func (e *Ear) hear() {
	buf := make([]byte, 2048)
	for {
		n, from, err := unix.Recvfrom(e.fd, buf, 0)
		e.mu.Lock()
		if e.packets == nil {
			e.mu.Unlock()
			_ = unix.Close(e.fd)
			return
		}
		if link, ok := from.(*unix.SockaddrLinklayer); err == nil && (!ok || link.Pkttype != unix.PACKET_OUTGOING) {
			e.packet(buf[:n])
		}
		e.mu.Unlock()
	}
}

// packet counts an IPv4 packet if it holds RTP (RFC 3550 §5.1).
func (e *Ear) packet(ip []byte) {
	if len(ip) < 20 || ip[9] != unix.IPPROTO_UDP {
		return
	}
	udp := ip[min(len(ip), int(ip[0]&15)*4):]
	if len(udp) < 8+12+4 || udp[8]>>6 != 2 {
		return
	}
	port, rtp := int(binary.BigEndian.Uint16(udp[2:])), udp[8:]
	switch rtp[1] & 0x7f {
	case payloadPCMA:
		e.packets[port]++
	case payloadEvent:
		if e.digits[port] == nil {
			e.digits[port] = map[byte]bool{}
		}
		e.digits[port][rtp[12+4*(rtp[0]&15)]] = true
	}
}

// Heard returns how many packets of speech have arrived at the media port, and
// which keys (RFC 4733 §3.2), as "5".
func (e *Ear) Heard(port int) (packets int, digits string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, d := range slices.Sorted(maps.Keys(e.digits[port])) {
		digits += strconv.Itoa(int(d))
	}
	return e.packets[port], digits
}

// Close stops listening.
func (e *Ear) Close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.packets = nil
}

// ListenUDP opens a socket in the phones' namespace.
func (l *Lab) ListenUDP(address string) (conn net.PacketConn, err error) {
	err = l.phones.enter(func() (err error) {
		conn, err = net.ListenPacket("udp4", address)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return conn, nil
}
