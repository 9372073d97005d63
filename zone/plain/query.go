package plain

import (
	"encoding/binary"
	"unsafe"
)

// The types that are asked for (RFC 1035 §3.2.2, 2782, 3403, 3596).
const (
	typeA     = 1
	typeNS    = 2
	typeSOA   = 6
	typeTXT   = 16
	typeAAAA  = 28
	typeSRV   = 33
	typeNAPTR = 35
	typeOPT   = 41
	classIN   = 1
)

const (
	headerSize = 12
	optSize    = 11 // root, type, size, flags, length
	maxName    = 255
	maxLabel   = 63
	cookie     = 10 // RFC 7873: not supported, and so ignored
)

// Bits of the header's second word (RFC 1035 §4.1.1, RFC 4035 §3.1.6).
const (
	bitRD = 0x0100
	bitZ  = 0x0040
	bitAD = 0x0020
	bitCD = 0x0010
)

// Query is a plain query. It holds no reference to the datagram, and can be used
// again and again by one goroutine.
type Query struct {
	ID   uint16
	Bits uint16 // RD and CD, which an answer repeats
	Type uint16
	// EDNS: the query had an OPT (RFC 6891), with this UDP payload size and
	// these upper flags.
	EDNS  bool
	Size  uint16
	Flags byte

	wire, text [maxName + 1]byte
	n          int
}

// Wire returns the name as it was asked, in wire form. It is valid until the
// next Parse and must not be modified.
func (q *Query) Wire() []byte { return q.wire[:q.n] }

// Name returns the name in lower case with a dot at the end. It is valid until
// the next Parse: whoever keeps it clones it.
func (q *Query) Name() string {
	if q.n <= 1 {
		return "."
	}
	return unsafe.String(&q.text[0], q.n-1)
}

// Parse reads a datagram and reports whether it is a plain query.
func (q *Query) Parse(b []byte) bool {
	if len(b) < headerSize+5 {
		return false
	}
	bits := binary.BigEndian.Uint16(b[2:])
	counts := binary.BigEndian.Uint64(b[4:])
	if bits&^(bitRD|bitZ|bitAD|bitCD) != 0 || counts&^1 != 1<<48 {
		return false // more than one question and perhaps one additional record
	}
	q.ID, q.Bits = binary.BigEndian.Uint16(b), bits&(bitRD|bitCD)
	b = b[headerSize:]
	if !q.name(b) {
		return false
	}
	b = b[q.n:]
	if len(b) < 4 || binary.BigEndian.Uint16(b[2:]) != classIN {
		return false
	}
	switch q.Type = binary.BigEndian.Uint16(b); q.Type {
	case typeA, typeNS, typeSOA, typeTXT, typeAAAA, typeSRV, typeNAPTR:
	default:
		return false
	}
	b = b[4:]
	q.EDNS = counts&1 == 1
	if !q.EDNS {
		return len(b) == 0
	}
	return q.opt(b)
}

// name reads the name at the start of b. What stands in it would be written the
// same way in a zone file (RFC 1035 §5.1).
func (q *Query) name(b []byte) bool {
	for i := 0; i < len(b) && i < maxName; {
		n := int(b[i])
		if n == 0 {
			q.n = i + 1
			copy(q.wire[:q.n], b)
			return true
		}
		if n > maxLabel || i+1+n >= len(b) || i+1+n >= maxName {
			return false
		}
		for _, c := range b[i+1 : i+1+n] {
			c = fold[c]
			if c == 0 {
				return false
			}
			q.text[i] = c
			i++
		}
		q.text[i] = '.'
		i++
	}
	return false
}

// fold is the lower case of each octet that a plain name may have, else 0.
var fold = func() (t [256]byte) {
	for c := range t {
		switch b := byte(c); {
		case b >= 'a' && b <= 'z', b >= '0' && b <= '9', b == '-', b == '_', b == '+', b == '*':
			t[c] = b
		case b >= 'A' && b <= 'Z':
			t[c] = b + 'a' - 'A'
		}
	}
	return t
}()

// opt reads what must be the rest of the datagram: an OPT of version 0, without
// DO, and with no option but a cookie.
func (q *Query) opt(b []byte) bool {
	const do = 0x80
	if len(b) < optSize || b[0] != 0 || binary.BigEndian.Uint16(b[1:]) != typeOPT || b[5] != 0 || b[6] != 0 || b[7]&do != 0 {
		return false
	}
	q.Size, q.Flags = binary.BigEndian.Uint16(b[3:]), b[7]
	length := int(binary.BigEndian.Uint16(b[9:]))
	b = b[optSize:]
	if length != len(b) {
		return false
	}
	for len(b) > 0 {
		if len(b) < 4 || binary.BigEndian.Uint16(b) != cookie {
			return false
		}
		n := 4 + int(binary.BigEndian.Uint16(b[2:]))
		if n > len(b) {
			return false
		}
		b = b[n:]
	}
	return true
}

// AppendHead appends an answer's header, with counts that are set later, and
// the question as it was asked (RFC 1035 §4.1).
func (q *Query) AppendHead(buf []byte, bits uint16) []byte {
	buf = binary.BigEndian.AppendUint16(buf, q.ID)
	buf = binary.BigEndian.AppendUint16(buf, bits|q.Bits)
	buf = append(buf, 0, 1, 0, 0, 0, 0, 0, 0)
	buf = append(buf, q.Wire()...)
	buf = binary.BigEndian.AppendUint16(buf, q.Type)
	return append(buf, 0, classIN)
}

// AppendOPT appends the OPT of an answer, if the query had one: it repeats the
// query's size and upper flags.
func (q *Query) AppendOPT(buf []byte) []byte {
	if !q.EDNS {
		return buf
	}
	return append(buf, 0, 0, typeOPT, byte(q.Size>>8), byte(q.Size), 0, 0, q.Flags, 0, 0, 0)
}

// Limit is how many octets the asker takes (RFC 6891 §6.2.3).
func (q *Query) Limit() int {
	if !q.EDNS {
		return 512
	}
	return max(512, int(q.Size))
}
