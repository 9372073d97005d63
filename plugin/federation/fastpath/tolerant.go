package fastpath

import (
	"encoding/binary"
	"net"
	"time"

	"github.com/miekg/dns"
)

// tolerant is a dns.DecorateReader. It takes the ZONEVERSION option out of queries where
// it is empty, as a query has it (RFC 9660 §2): miekg/dns refuses the whole message.
func tolerant(r dns.Reader) dns.Reader { return tolerantReader{r, r.(dns.PacketConnReader)} }

type tolerantReader struct {
	dns.Reader
	packets dns.PacketConnReader
}

// ReadTCP implements dns.Reader.
func (r tolerantReader) ReadTCP(c net.Conn, timeout time.Duration) ([]byte, error) {
	b, err := r.Reader.ReadTCP(c, timeout)
	return withoutZoneVersion(b), err
}

// ReadPacketConn implements dns.PacketConnReader.
func (r tolerantReader) ReadPacketConn(c net.PacketConn, timeout time.Duration) ([]byte, net.Addr, error) {
	b, from, err := r.packets.ReadPacketConn(c, timeout)
	return withoutZoneVersion(b), from, err
}

const (
	headerSize        = 12
	optionZoneVersion = 19
)

// withoutZoneVersion takes an empty ZONEVERSION option out of a message, in place. It
// leaves messages alone that it does not understand, and signed ones, whose signature
// would no longer fit.
func withoutZoneVersion(b []byte) []byte {
	if len(b) < headerSize || binary.BigEndian.Uint16(b[4:]) != 1 || binary.BigEndian.Uint32(b[6:]) != 0 ||
		binary.BigEndian.Uint16(b[10:]) != 1 {
		return b // more than a question and one additional record
	}
	at := headerSize
	for {
		if at >= len(b) || b[at] > 63 {
			return b
		}
		n := int(b[at])
		at += 1 + n
		if n == 0 {
			break
		}
	}
	at += 4 // type and class of the question
	const fixed = 11
	if at+fixed > len(b) || b[at] != 0 || binary.BigEndian.Uint16(b[at+1:]) != dns.TypeOPT {
		return b
	}
	length := b[at+9 : at+fixed]
	at += fixed
	if int(binary.BigEndian.Uint16(length)) != len(b)-at {
		return b
	}
	for at+4 <= len(b) {
		code, size := binary.BigEndian.Uint16(b[at:]), int(binary.BigEndian.Uint16(b[at+2:]))
		if code == optionZoneVersion && size == 0 {
			b = append(b[:at], b[at+4:]...)
			binary.BigEndian.PutUint16(length, binary.BigEndian.Uint16(length)-4)
			continue
		}
		at += 4 + size
	}
	return b
}
