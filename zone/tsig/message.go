package tsig

import "encoding/binary"

// HeaderSize is the length of a message's header (RFC 1035 §4.1.1).
const HeaderSize = 12

// lastRecord returns where the last record of a message begins, if it has an
// additional one.
func lastRecord(msg []byte) (off int, ok bool) {
	if len(msg) < HeaderSize || binary.BigEndian.Uint16(msg[10:]) == 0 {
		return 0, false
	}
	if off, ok = SkipQuestions(msg); !ok {
		return 0, false
	}
	records := -1
	for i := 6; i < HeaderSize; i += 2 {
		records += int(binary.BigEndian.Uint16(msg[i:]))
	}
	for range records {
		if off, ok = SkipName(msg, off); !ok || off+10 > len(msg) {
			return 0, false
		}
		off += 10 + int(binary.BigEndian.Uint16(msg[off+8:]))
	}
	return off, off < len(msg)
}

// SkipQuestions returns the offset behind the question section of a message that
// has a header.
func SkipQuestions(msg []byte) (off int, ok bool) {
	off = HeaderSize
	for range binary.BigEndian.Uint16(msg[4:]) {
		if off, ok = SkipName(msg, off); !ok || off+4 > len(msg) {
			return 0, false
		}
		off += 4
	}
	return off, true
}

// SkipName returns the offset behind the name at off.
func SkipName(msg []byte, off int) (int, bool) {
	for off < len(msg) {
		switch n := int(msg[off]); {
		case n == 0:
			return off + 1, true
		case n >= 0xC0:
			return off + 2, true
		default:
			off += 1 + n
		}
	}
	return 0, false
}
