package stream

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/tsig"
	"github.com/miekg/dns"
)

// Reply says how to make and send the messages of a transfer.
type Reply struct {
	// Msg has the header and question of each message, and in Extra the records
	// before the TSIG.
	Msg *dns.Msg
	// Key signs the messages, the first one on top of the request's MAC. Without a
	// key they are not signed.
	Key *tsig.Key
	MAC string // hexadecimal, as dns.TSIG has it
	// Send sends one message. It must not keep the slice.
	Send func([]byte) error
}

// writer packs the records of a transfer into signed messages; registrations it
// writes octet by octet.
type writer struct {
	Reply
	chain *tsig.Chain
	head  []byte // header and question
	extra []byte
	apex  string
	ttl   uint32
	buf   []byte // the message so far
	n     int    // its answers
	names map[string]int
	users int  // where "users.<apex>" stands in it, 0 for nowhere yet
	long  bool // the apex: some names below it have more than 255 octets
}

// newWriter returns a writer for the transfer of apex, which Msg asks for.
func newWriter(r Reply, apex string, ttl uint32) (*writer, error) {
	w := &writer{Reply: r, apex: apex, ttl: ttl, long: len(apex) > maxName-location.MaxAOR-len(".users."), buf: buffers.Get().(*[dns.MaxMsgSize]byte)[:0]}
	if r.Key != nil {
		mac, err := hex.DecodeString(r.MAC)
		if err != nil {
			return nil, fmt.Errorf("read MAC of the request: %w", err)
		}
		if w.chain, err = tsig.New(r.Key, mac); err != nil {
			return nil, err
		}
	}
	head := *r.Msg
	head.Answer, head.Ns, head.Extra = nil, nil, nil
	var err error
	if w.head, err = head.Pack(); err != nil {
		return nil, fmt.Errorf("pack header: %w", err)
	}
	for _, rr := range r.Msg.Extra {
		room := make([]byte, dns.Len(rr))
		n, err := dns.PackRR(rr, room, 0, nil, false)
		if err != nil {
			return nil, fmt.Errorf("pack additional record: %w", err)
		}
		w.extra = append(w.extra, room[:n]...)
	}
	w.begin()
	return w, nil
}

// release gives back the writer's buffer, and with it the last message.
func (w *writer) release() {
	Recycle(w.buf)
	w.buf = nil
}

// begin starts a message. Its question, if there is one, is the apex.
func (w *writer) begin() {
	w.buf, w.n, w.users = append(w.buf[:0], w.head...), 0, 0
	if w.names == nil {
		w.names = map[string]int{}
	}
	clear(w.names)
	if len(w.Msg.Question) > 0 {
		w.names[w.apex] = tsig.HeaderSize
	}
}

// record appends any record.
func (w *writer) record(rr dns.RR) error {
	if err := w.room(dns.Len(rr)); err != nil {
		return err
	}
	off, err := dns.PackRR(rr, w.buf[:cap(w.buf)], len(w.buf), w.names, true)
	if err == nil && w.n == 0 && off > maxOctets {
		err = errLong
	}
	if err != nil {
		w.undo()
		return packError{err}
	}
	w.buf, w.n = w.buf[:off], w.n+1
	return nil
}

// undo forgets the names of a record that was packed in part.
func (w *writer) undo() {
	for name, at := range w.names {
		if at >= len(w.buf) {
			delete(w.names, name)
		}
	}
}

// maxPointer is the last offset that a compression pointer can name (RFC 1035
// §4.1.4).
const maxPointer = 1<<14 - 1

// binding appends the record of a binding.
func (w *writer) binding(b location.Binding) error {
	if err := w.room(2*location.MaxAOR + 128); err != nil {
		return err
	}
	at, known := w.names[w.apex]
	if !b.Kind.Registered() || !known || w.long {
		return w.record(record.TXT(b, w.apex, w.ttl))
	}
	buf := appendLabels(w.buf, b.AOR.Fold())
	if w.users == 0 {
		if len(buf) <= maxPointer { // otherwise the next one is spelled out too
			w.users = len(buf)
		}
		buf = appendLabels(buf, "users")
		buf = append(buf, 0xC0|byte(at>>8), byte(at))
	} else {
		buf = append(buf, 0xC0|byte(w.users>>8), byte(w.users))
	}
	buf = append(buf, 0, byte(dns.TypeTXT), 0, dns.ClassINET)
	buf = binary.BigEndian.AppendUint32(buf, w.ttl)
	rdata := len(buf) + 2
	buf = record.AppendUser(append(buf, 0, 0), b)
	binary.BigEndian.PutUint16(buf[rdata-2:], uint16(len(buf)-rdata))
	w.buf, w.n = buf, w.n+1
	return nil
}

// room sends the message if another n octets would make it too long.
func (w *writer) room(n int) error {
	if w.n > 0 && len(w.buf)+n > maxOctets {
		return w.flush()
	}
	return nil
}

// flush sends the message, if there is anything in it, and begins another.
func (w *writer) flush() error {
	if w.n == 0 {
		return nil
	}
	binary.BigEndian.PutUint16(w.buf[6:], uint16(w.n))
	binary.BigEndian.PutUint16(w.buf[10:], uint16(len(w.Msg.Extra)))
	msg := append(w.buf, w.extra...)
	if w.chain != nil {
		msg = w.chain.Sign(msg, time.Now())
	}
	err := w.Send(msg)
	w.begin()
	return err
}

// appendLabels appends a relative name without escapes, and no end.
func appendLabels(b []byte, rel string) []byte {
	at := len(b)
	b = append(b, 0)
	for i := range len(rel) {
		if rel[i] != '.' {
			b = append(b, rel[i])
			continue
		}
		b[at] = byte(len(b) - at - 1)
		at = len(b)
		b = append(b, 0)
	}
	b[at] = byte(len(b) - at - 1)
	return b
}
