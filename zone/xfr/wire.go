package xfr

import (
	"encoding/binary"

	"github.com/miekg/dns"
)

// unpack reads a message. One that is full of TXT records, as transfers are,
// is read with a few allocations for all of them: their strings share the
// message's memory. Whatever is out of the ordinary is left to dns.Msg.
func unpack(wire []byte) (*dns.Msg, error) {
	if m, ok := unpackTransfer(wire); ok {
		return m, nil
	}
	m := new(dns.Msg)
	return m, m.Unpack(wire)
}

const (
	headerSize = 12
	manyTXT    = 8 // from so many answers on it pays
)

func unpackTransfer(wire []byte) (*dns.Msg, bool) {
	if len(wire) < headerSize {
		return nil, false
	}
	count := func(i int) int { return int(binary.BigEndian.Uint16(wire[i:])) }
	qd, an, ns, ar := count(4), count(6), count(8), count(10)
	if an < manyTXT || an > len(wire)/headerSize || qd > 1 || ns != 0 || ar > 1 {
		return nil, false
	}
	m := new(dns.Msg)
	if m.Unpack(append(wire[:4:4], 0, 0, 0, 0, 0, 0, 0, 0)) != nil { // ID and flags
		return nil, false
	}
	u := unpacker{wire: wire, text: string(wire), off: headerSize, txts: make([]dns.TXT, 0, an), strs: make([]string, 0, 4*an)}
	if qd == 1 {
		name, ok := u.name()
		if !ok || u.off+4 > len(wire) {
			return nil, false
		}
		m.Question = []dns.Question{{Name: name, Qtype: u.uint16(), Qclass: u.uint16()}}
	}
	m.Answer = make([]dns.RR, 0, an)
	for range an {
		rr, ok := u.rr()
		if !ok {
			return nil, false
		}
		m.Answer = append(m.Answer, rr)
	}
	for range ar {
		rr, off, err := dns.UnpackRR(wire, u.off)
		if _, isOPT := rr.(*dns.OPT); err != nil || isOPT { // may extend the RCODE
			return nil, false
		}
		m.Extra, u.off = append(m.Extra, rr), off
	}
	return m, u.off == len(wire)
}

// unpacker reads records one after the other.
type unpacker struct {
	wire []byte
	text string // the same, as what strings are cut from
	off  int
	buf  [256]byte
	txts []dns.TXT
	strs []string
	tail struct { // the last owner that was compressed
		at   int
		name string
	}
}

func (u *unpacker) uint16() uint16 {
	u.off += 2
	return binary.BigEndian.Uint16(u.wire[u.off-2:])
}

// rr reads one record.
func (u *unpacker) rr() (dns.RR, bool) {
	start := u.off
	name, ok := u.name()
	if !ok || u.off+10 > len(u.wire) {
		return nil, false
	}
	h := dns.RR_Header{Name: name, Rrtype: u.uint16(), Class: u.uint16()}
	h.Ttl = uint32(u.uint16())<<16 | uint32(u.uint16())
	h.Rdlength = u.uint16()
	end := u.off + int(h.Rdlength)
	if end > len(u.wire) {
		return nil, false
	}
	if h.Rrtype != dns.TypeTXT || h.Rdlength == 0 {
		rr, off, err := dns.UnpackRR(u.wire, start)
		u.off = off
		return rr, err == nil
	}
	first := len(u.strs)
	for u.off < end {
		n := int(u.wire[u.off])
		if u.off+1+n > end {
			return nil, false
		}
		s := u.text[u.off+1 : u.off+1+n]
		if !plain(s) {
			return nil, false
		}
		u.strs, u.off = append(u.strs, s), u.off+1+n
	}
	u.txts = append(u.txts, dns.TXT{Hdr: h, Txt: u.strs[first:len(u.strs):len(u.strs)]})
	return &u.txts[len(u.txts)-1], true
}

// name reads a name, which may end in one pointer (RFC 1035 §4.1.4) or in one
// that leads to others.
func (u *unpacker) name() (string, bool) {
	b := u.buf[:0]
	for {
		if u.off >= len(u.wire) {
			return "", false
		}
		switch n := int(u.wire[u.off]); {
		case n == 0:
			u.off++
			if len(b) == 0 {
				return ".", true
			}
			return string(b), true
		case n >= 0xC0:
			if u.off+2 > len(u.wire) {
				return "", false
			}
			at := int(u.uint16()) & 0x3FFF
			if at != u.tail.at || at == 0 {
				name, _, err := dns.UnpackDomainName(u.wire, at)
				if err != nil || at >= u.off {
					return "", false
				}
				u.tail.at, u.tail.name = at, name
			}
			if len(b)+len(u.tail.name) > len(u.buf)-2 {
				return "", false
			}
			return string(append(b, u.tail.name...)), true
		case n > 63 || u.off+1+n > len(u.wire) || len(b)+n+1 > len(u.buf)-2:
			return "", false
		default:
			label := u.text[u.off+1 : u.off+1+n]
			for i := range n {
				if !plainLabel(label[i]) {
					return "", false
				}
			}
			b = append(append(b, label...), '.')
			u.off += 1 + n
		}
	}
}

// plain reports whether a character-string is the same in presentation form.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

func plainLabel(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '+'
}
