package record

import (
	"github.com/asterfed/asterfed/zone/location"
)

// The wire form of registrations, which transfers are full of, written and
// read without a dns.RR for each. It is what TXT and ParseTXT say, no more:
// ReadUser leaves to them whatever it does not know.

// AppendUser appends the RDATA of a registration's record (RFC 1035 §3.3.14).
func AppendUser(buf []byte, b location.Binding) []byte {
	buf = append(append(buf, byte(len(TXTVersion))), TXTVersion...)
	kind := b.Kind.String()
	buf = append(append(buf, byte(2+len(kind)), 'k', '='), kind...)
	buf = b.Contact.Append(append(buf, 2+16, 'c', '='))
	if b.Stamp != 0 {
		buf = b.Stamp.Append(append(buf, 2+16, 't', '='))
	}
	if b.AOR.Fold() != string(b.AOR) {
		buf = append(append(buf, byte(2+len(b.AOR)), 'u', '='), b.AOR...)
	}
	return buf
}

// userHead is how every registration's RDATA begins, but for its kind.
const userHead = "\x03" + TXTVersion

// ReadUser reads the RDATA of a registration that was written by AppendUser
// for an AOR in lower case. All else is not ok, which is no error.
func ReadUser(rdata []byte) (b location.Binding, ok bool) {
	if len(rdata) < len(userHead)+4 || string(rdata[:len(userHead)]) != userHead {
		return b, false
	}
	kind, rest, ok := characterString(rdata[len(userHead):], 'k')
	if !ok {
		return b, false
	}
	if b.Kind, ok = location.RegisteredKind(kind); !ok {
		return b, false
	}
	val, rest, ok := characterString(rest, 'c')
	id, hex := location.Hex16(val)
	if !ok || !hex || id == 0 {
		return b, false
	}
	b.Contact = location.ContactID(id)
	if len(rest) > 0 {
		if val, rest, ok = characterString(rest, 't'); !ok || len(rest) > 0 {
			return b, false
		}
		if id, hex = location.Hex16(val); !hex {
			return b, false
		}
		b.Stamp = location.Stamp(id)
	}
	return b, true
}

// characterString reads the value of the character-string with that key, and
// returns what is behind it.
func characterString(rdata []byte, key byte) (val, rest []byte, ok bool) {
	if len(rdata) < 3 || int(rdata[0]) < 2 || 1+int(rdata[0]) > len(rdata) || rdata[1] != key || rdata[2] != '=' {
		return nil, nil, false
	}
	n := 1 + int(rdata[0])
	return rdata[3:n], rdata[n:], true
}
