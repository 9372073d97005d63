package zone

import (
	"encoding/binary"
	"strings"

	"github.com/miekg/dns"
)

// wire is records in wire form, one after the other, without compression (RFC
// 1035 §4.1.3). It writes the types that answers are made of; failed tells of
// another one, or of a name with an escape.
type wire struct {
	b      []byte
	failed bool
}

// record appends a record; owner, in wire form, stands for its name unless it is
// nil.
func (w *wire) record(owner []byte, rr dns.RR) {
	h := rr.Header()
	if owner != nil {
		w.b = append(w.b, owner...)
	} else {
		w.name(h.Name)
	}
	w.uint16(h.Rrtype)
	w.uint16(h.Class)
	w.uint32(h.Ttl)
	w.uint16(0)
	at := len(w.b)
	switch r := rr.(type) {
	case *dns.NAPTR:
		w.uint16(r.Order)
		w.uint16(r.Preference)
		w.text(r.Flags)
		w.text(r.Service)
		w.text(r.Regexp)
		w.name(r.Replacement)
	case *dns.SRV:
		w.uint16(r.Priority)
		w.uint16(r.Weight)
		w.uint16(r.Port)
		w.name(r.Target)
	case *dns.SOA:
		w.name(r.Ns)
		w.name(r.Mbox)
		for _, n := range [...]uint32{r.Serial, r.Refresh, r.Retry, r.Expire, r.Minttl} {
			w.uint32(n)
		}
	case *dns.NS:
		w.name(r.Ns)
	case *dns.TXT:
		for _, s := range r.Txt {
			w.text(s)
		}
		w.failed = w.failed || len(r.Txt) == 0
	case *dns.A:
		w.address(r.A.To4(), 4)
	case *dns.AAAA:
		w.address(r.AAAA, 16)
	default:
		w.failed = true
	}
	binary.BigEndian.PutUint16(w.b[at-2:], uint16(len(w.b)-at))
}

func (w *wire) uint16(n uint16) { w.b = binary.BigEndian.AppendUint16(w.b, n) }

func (w *wire) uint32(n uint32) { w.b = binary.BigEndian.AppendUint32(w.b, n) }

func (w *wire) address(a []byte, size int) {
	w.failed = w.failed || len(a) != size
	w.b = append(w.b, a...)
}

// text appends a character-string (RFC 1035 §3.3) with the escapes of §5.1.
func (w *wire) text(s string) {
	at := len(w.b)
	w.b = append(w.b, 0)
	for {
		i := strings.IndexByte(s, '\\')
		if i < 0 || i+1 == len(s) {
			break
		}
		w.b, s = append(w.b, s[:i]...), s[i+1:]
		if len(s) >= 3 && digit(s[0]) && digit(s[1]) && digit(s[2]) {
			w.b, s = append(w.b, (s[0]-'0')*100+(s[1]-'0')*10+s[2]-'0'), s[3:]
		} else {
			w.b, s = append(w.b, s[0]), s[1:]
		}
	}
	w.b = append(w.b, s...)
	n := len(w.b) - at - 1
	w.b[at] = byte(n)
	w.failed = w.failed || n > 255
}

// name appends a name, which ends with a dot (RFC 1035 §3.1).
func (w *wire) name(s string) {
	if strings.IndexByte(s, '\\') >= 0 {
		w.failed = true
		return
	}
	for s != "" && s != "." {
		n := strings.IndexByte(s, '.')
		if n < 1 || n > 63 {
			w.failed = true
			return
		}
		w.b = append(append(w.b, byte(n)), s[:n]...)
		s = s[n+1:]
	}
	w.b = append(w.b, 0)
}
