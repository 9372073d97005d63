package stream

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/tsig"
	"github.com/miekg/dns"
)

var errMessage = errors.New("message ends before its records")

// Message reads the answers of one message, and returns their number. The
// registrations that transfers are full of are read from its octets; what is
// out of the ordinary is left to package dns. Nothing of it is kept.
func (r *Reader) Message(wire []byte) (n int, err error) {
	n = int(binary.BigEndian.Uint16(wire[6:]))
	off, ok := tsig.SkipQuestions(wire)
	if !ok {
		return 0, errMessage
	}
	users := tail{want: "users." + r.apex}
	for range n {
		b, next, ok := registration(wire, off, &users)
		if ok {
			if err := r.user(b); err != nil {
				return 0, err
			}
			off = next
			continue
		}
		var rr dns.RR
		if off >= len(wire) { // package dns takes that for an empty record
			return 0, errMessage
		}
		start := off
		if rr, off, err = dns.UnpackRR(wire, start); err != nil {
			err = fmt.Errorf("unpack record: %w", err)
			if off, ok = behindRecord(wire, start); !ok {
				return 0, err
			}
			if err := r.refuse(err); err != nil {
				return 0, err
			}
			continue
		}
		if _, err := r.add(rr); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// behindRecord returns the offset behind a record whose data cannot be read. One
// that holds the transfer together, a SOA, is not ok.
func behindRecord(wire []byte, off int) (next int, ok bool) {
	if off, ok = tsig.SkipName(wire, off); !ok || off+10 > len(wire) {
		return 0, false
	}
	next = off + 10 + int(binary.BigEndian.Uint16(wire[off+8:]))
	return next, next <= len(wire) && binary.BigEndian.Uint16(wire[off:]) != dns.TypeSOA
}

// tail is the name that compressed owners end in.
type tail struct {
	want string
	at   int // where it has been found in the message
}

// is reports whether the name at an earlier offset is the one wanted.
func (t *tail) is(wire []byte, at int) bool {
	if at == t.at {
		return at != 0
	}
	name, _, err := dns.UnpackDomainName(wire, at)
	if err != nil || !strings.EqualFold(name, t.want) {
		return false
	}
	t.at = at
	return true
}

// registration reads the record at off if it is one of a registration, in the
// form that AppendUser has, of an AOR in lower case.
func registration(wire []byte, off int, users *tail) (b location.Binding, next int, ok bool) {
	var room [128]byte
	aor, start := room[:0], off
	for {
		if off+2 > len(wire) {
			return b, 0, false
		}
		n := int(wire[off])
		if n >= 0xC0 { // the rest is a pointer (RFC 1035 §4.1.4)
			at := int(binary.BigEndian.Uint16(wire[off:])) & 0x3FFF
			if at >= start || !users.is(wire, at) {
				return b, 0, false
			}
			off += 2
			break
		}
		if n == 0 || off+1+n > len(wire) || len(aor)+1+n > len(room) {
			return b, 0, false
		}
		label := wire[off+1 : off+1+n]
		if string(label) == "users" && len(aor) > 0 && users.at == 0 && users.is(wire, off) {
			_, off, _ = dns.UnpackDomainName(wire, off)
			break
		}
		if bytes.IndexByte(label, '.') >= 0 {
			return b, 0, false // no label of an AOR, whose dots part labels
		}
		if len(aor) > 0 {
			aor = append(aor, '.')
		}
		aor = append(aor, label...)
		off += 1 + n
	}
	if off+10 > len(wire) || binary.BigEndian.Uint16(wire[off:]) != dns.TypeTXT ||
		binary.BigEndian.Uint16(wire[off+2:]) != dns.ClassINET || !folded(aor) {
		return b, 0, false
	}
	next = off + 10 + int(binary.BigEndian.Uint16(wire[off+8:]))
	if next > len(wire) {
		return b, 0, false
	}
	if b, ok = record.ReadUser(wire[off+10 : next]); !ok {
		return b, 0, false
	}
	b.AOR = location.AOR(aor)
	return b, next, true
}

// folded reports whether ParseAOR would take an AOR, and Fold leave it.
func folded(aor []byte) bool {
	n := 0 // octets of the label so far
	for _, c := range aor {
		switch {
		case c == '.' && n > 0:
			n = 0
			continue
		case c == '_' && n > 0, c == '-', c == '+', c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			n++
		default:
			return false
		}
	}
	return n > 0 && len(aor) <= location.MaxAOR
}
