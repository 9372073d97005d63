package answer

import (
	"encoding/binary"
	"strings"

	"github.com/asterfed/asterfed/zone/plain"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/wire"
	"github.com/miekg/dns"
)

// Packer packs answers of a view, for one goroutine.
type Packer struct {
	view   *Zone
	room   *scratch
	labels wire.Labels
}

// NewPacker returns a packer.
func (v *Zone) NewPacker() *Packer { return &Packer{view: v, room: newScratch()} }

// Append appends the answer to a plain query to buf, which is empty and whose
// capacity bounds it, and returns it with its rcode: octet by octet what the
// Result of LookupFor comes to when it is packed with compression. false stands
// for a query that is not for this zone, whose answer is not known yet, or would
// be larger than limit without compression. It allocates nothing where no home is hidden and no
// name stands for another.
func (p *Packer) Append(buf []byte, a record.Client, q *plain.Query, limit int) (out []byte, rcode int, ok bool) {
	v, name, limit := p.view, q.Name(), min(limit, cap(buf))
	if rest, ok := strings.CutSuffix(name, v.origin); !ok || rest != "" && rest[len(rest)-1] != '.' {
		return nil, 0, false
	}
	p.room.begin()
	res := query{v: v, client: a, qname: name, qtype: q.Type, room: p.room}.answer()
	if res.Rcode == dns.RcodeServerFailure {
		return nil, 0, false
	}
	bits := uint16(1<<15 | 1<<10) // QR, AA (RFC 1035 §4.1.1)
	if res.Referral {
		bits = 1 << 15
	}
	out = q.AppendHead(buf, bits|uint16(res.Rcode))
	head, w := out, wire.Begin(out, &p.labels)
	for i, section := range [...][]dns.RR{res.Answer, res.Ns, res.Extra} {
		for _, rr := range section {
			if !w.Append(i == 0, rr) || len(w.Bytes())+w.Saved() > limit {
				return nil, 0, false
			}
		}
		binary.BigEndian.PutUint16(head[6+2*i:], uint16(len(section)))
	}
	if q.EDNS {
		binary.BigEndian.PutUint16(head[10:], uint16(len(res.Extra)+1))
	}
	out = q.AppendOPT(w.Bytes())
	return out, res.Rcode, len(out)+w.Saved() <= limit
}
