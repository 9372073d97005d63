// Package wire packs the records of an answer, without allocating. It knows
// octets and the types of records that answers are made of; it must not know
// what is answered. Start reading at Message.Append.
package wire

import (
	"encoding/binary"
	"strings"

	"github.com/miekg/dns"
)

// Message is a message whose records are appended in wire form, compressed as miekg/dns
// does it (RFC 1035 §4.1.4). It knows the types that answers are made of; failed
// reports another one, a name with an escape, or too many names.
type Message struct {
	b      []byte
	failed bool
	end    int    // of the question's name: where its root is
	found  string // last in the question: the zone's apex, mostly
	// labels are those that a pointer may lead to, beside the question's: the first of
	// each name that was new when it was written; see mark.
	labels []uint32
	saved  int // octets, by compression
}

// Labels is room for the labels that a pointer of one message may lead to. It may
// be used again for the next one.
type Labels [256]uint32

// Begin returns a message that begins with head: a header and one question, whose
// name is uncompressed. It appends to head.
func Begin(head []byte, room *Labels) Message {
	return Message{b: head, labels: room[:0], end: len(head) - 5}
}

// Bytes returns the message so far, without the counts of its sections.
func (w *Message) Bytes() []byte { return w.b }

// Saved returns how many octets more the message would have without compression.
func (w *Message) Saved() int { return w.saved }

const (
	question = 12     // where the name of the question begins
	pointer  = 0xC000 // RFC 1035 §4.1.4
	toOwner  = 0xC000 | question
)

// Append appends a record. asked says that its owner is the name of the question,
// whatever its letter case. false says that the message cannot carry it: it is of
// another type, has a name with an escape, or there are too many names.
func (w *Message) Append(asked bool, rr dns.RR) bool {
	h := rr.Header()
	if asked {
		w.uint16(toOwner)
		w.saved += len(h.Name) - 1
	} else {
		w.name(h.Name, true)
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
		w.name(r.Replacement, false)
	case *dns.SRV:
		w.uint16(r.Priority)
		w.uint16(r.Weight)
		w.uint16(r.Port)
		w.name(r.Target, false)
	case *dns.SOA:
		w.name(r.Ns, true)
		w.name(r.Mbox, true)
		for _, n := range [...]uint32{r.Serial, r.Refresh, r.Retry, r.Expire, r.Minttl} {
			w.uint32(n)
		}
	case *dns.NS:
		w.name(r.Ns, true)
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
	return !w.failed
}

func (w *Message) uint16(n uint16) { w.b = binary.BigEndian.AppendUint16(w.b, n) }

func (w *Message) uint32(n uint32) { w.b = binary.BigEndian.AppendUint32(w.b, n) }

func (w *Message) address(a []byte, size int) {
	w.failed = w.failed || len(a) != size
	w.b = append(w.b, a...)
}

// text appends a character-string (RFC 1035 §3.3) with the escapes of §5.1.
func (w *Message) text(s string) {
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

// name appends a name, which ends with a dot (RFC 1035 §3.1). Where compress is not
// set, other names may lead to it, but it leads to none (RFC 3597 §4).
func (w *Message) name(s string, compress bool) {
	if s == "." {
		w.b = append(w.b, 0)
		return
	}
	if strings.IndexByte(s, '\\') >= 0 {
		w.failed = true
		return
	}
	known := false // s is in the message: so is all that it ends with
	for s != "" {
		n := strings.IndexByte(s, '.')
		if n < 1 || n > 63 {
			w.failed = true
			return
		}
		if !known {
			if at := w.find(s, n); at == 0 {
				if len(w.labels) == cap(w.labels) {
					w.failed = true
					return
				}
				w.labels = append(w.labels, mark(n, s[0])|uint32(len(w.b)))
			} else if compress {
				w.uint16(pointer | uint16(at))
				w.saved += len(s) - 1
				return
			} else {
				known = true
			}
		}
		w.b = append(append(w.b, byte(n)), s[:n]...)
		s = s[n+1:]
	}
	w.b = append(w.b, 0)
}

// mark is what a label of n octets, which begin with c, has above its offset: labels that
// differ in it are told apart without a look at the message.
func mark(n int, c byte) uint32 { return uint32(n)<<24 | uint32(c)<<16 }

// find returns where a name, whose first label has n octets, is in the message already,
// in the same letter case, 0 if it is not. In the question there is one place where a
// name of its length can be.
func (w *Message) find(s string, n int) int {
	if s == w.found {
		return w.end - len(s)
	}
	if at := w.end - len(s); at >= question && int(w.b[at]) == n && w.is(at, s) && w.begins(at, n) {
		w.found = s
		return at
	}
	m := mark(n, s[0])
	for _, l := range w.labels {
		if l&^0xffff == m && w.is(int(uint16(l)), s) {
			return int(uint16(l))
		}
	}
	return 0
}

// begins reports whether a label of n octets begins at an offset in the question, where n
// stands. No octet within a plain label is less than '*' (package plain).
func (w *Message) begins(at, n int) bool {
	for i := question; n >= '*' && i != at; i += 1 + int(w.b[i]) {
		if i > at {
			return false
		}
	}
	return true
}

// is reports whether the name at an offset is s. The name that is being written has no
// end yet.
func (w *Message) is(at int, s string) bool {
	for s != "" {
		if at >= len(w.b) {
			return false
		}
		n := int(w.b[at])
		if n >= pointer>>8 {
			at = int(binary.BigEndian.Uint16(w.b[at:])) &^ pointer
			continue
		}
		if n == 0 || n >= len(s) || s[n] != '.' || string(w.b[at+1:at+1+n]) != s[:n] {
			return false
		}
		s, at = s[n+1:], at+1+n
	}
	return at < len(w.b) && w.b[at] == 0
}

func digit(c byte) bool { return c >= '0' && c <= '9' }
