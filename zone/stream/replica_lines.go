package stream

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/miekg/dns"
)

// lines writes records as dns.RR.String does, one a line; those of
// registrations, which a copy is full of, without making them.
type lines struct {
	w    *bufio.Writer
	apex string
	ttl  uint32
	buf  []byte
}

func (l *lines) flush() error { return nil }

func (l *lines) record(rr dns.RR) error {
	l.w.WriteString(rr.String())
	return l.w.WriteByte('\n')
}

func (l *lines) binding(b location.Binding) error {
	if !b.Kind.Registered() || b.AOR.Fold() != string(b.AOR) {
		return l.record(record.TXT(b, l.apex, l.ttl))
	}
	s := append(append(append(l.buf[:0], b.AOR...), ".users."...), l.apex...)
	s = strconv.AppendUint(append(s, '\t'), uint64(l.ttl), 10)
	s = append(append(append(s, kindLead...), b.Kind.String()...), contactLead...)
	s = b.Contact.Append(s)
	if b.Stamp != 0 {
		s = b.Stamp.Append(append(s, stampLead...))
	}
	l.buf = append(s, '"', '\n')
	_, err := l.w.Write(l.buf)
	return err
}

// What stands between the parts of a registration's line.
const (
	kindLead    = "\tIN\tTXT\t\"v=1\" \"k="
	contactLead = `" "c=`
	stampLead   = `" "t=`
)

// errNotOurs means that a file has a line that stands for no record by
// itself.
var errNotOurs = errors.New("line is no record")

// lines takes the records of a file that holds one in each line.
func (r *Reader) lines(in *bufio.Reader) error {
	users := []byte(".users." + r.apex + "\t")
	for {
		line, err := in.ReadSlice('\n')
		switch {
		case err == io.EOF && len(line) == 0:
			return nil
		case err != nil || line[0] == '$' || line[0] == ' ' || line[0] == '\t':
			return errNotOurs
		}
		line = line[:len(line)-1]
		if b, ok := lineBinding(line, users); ok {
			if err := r.user(b); err != nil {
				return err
			}
			continue
		}
		rr, err := dns.NewRR(string(line))
		if err != nil {
			return errNotOurs
		}
		if rr == nil {
			continue // a comment
		}
		if _, err := r.add(rr); err != nil {
			return err
		}
	}
}

// lineBinding is the reverse of lines.binding.
func lineBinding(line, users []byte) (b location.Binding, ok bool) {
	aor, rest, ok := bytes.Cut(line, users)
	if !ok || !folded(aor) {
		return b, false
	}
	for len(rest) > 0 && rest[0] >= '0' && rest[0] <= '9' { // the TTL
		rest = rest[1:]
	}
	kind, rest, ok := bytes.Cut(rest, []byte(contactLead))
	if !ok || len(rest) < 17 || rest[len(rest)-1] != '"' {
		return b, false
	}
	kind, ok = bytes.CutPrefix(kind, []byte(kindLead))
	if !ok {
		return b, false
	}
	if b.Kind, ok = location.RegisteredKind(kind); !ok {
		return b, false
	}
	rest = rest[:len(rest)-1]
	id, ok := location.Hex16(rest[:16])
	if rest = rest[16:]; !ok || id == 0 {
		return b, false
	}
	b.Contact = location.ContactID(id)
	if len(rest) > 0 {
		stamp, ok := bytes.CutPrefix(rest, []byte(stampLead))
		if !ok {
			return b, false
		}
		if id, ok = location.Hex16(stamp); !ok {
			return b, false
		}
		b.Stamp = location.Stamp(id)
	}
	b.AOR = location.AOR(aor)
	return b, true
}
