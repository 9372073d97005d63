package stream

import (
	"slices"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/view"
	"github.com/miekg/dns"
)

// maxOctets bounds one message of a transfer, without its signature: a message of
// more than 64 KiB cannot be sent over TCP (RFC 1035 §4.2.2). perMessage bounds the
// records of a message that package dns packs.
const (
	perMessage = 300
	maxOctets  = 60_000
)

// Zone is a home zone that a node can answer transfers of: its own, or its replica
// of another's.
type Zone interface {
	// Since returns the current version and the deltas that lead there from a
	// serial, or false if the history does not reach back that far.
	Since(serial uint32) (record.Version, []record.Delta, bool)
	// Snapshot returns the whole zone at one version.
	Snapshot() (record.Version, record.Node, []location.Binding)
}

// Replica is the home zone of another node as this node has it. It has no
// history: every answer is the current SOA or a full zone.
type Replica struct{ Home *view.Home }

// Since implements Zone.
func (h Replica) Since(serial uint32) (record.Version, []record.Delta, bool) {
	v := h.Home.Version()
	return v, nil, v.Serial == serial
}

// Snapshot implements Zone. The version is read before the bindings, so that
// a change in between is sent again, never lost.
func (h Replica) Snapshot() (record.Version, record.Node, []location.Binding) {
	v := h.Home.Version()
	n, _ := h.Home.Node()
	return v, n, h.Home.Bindings()
}

// Query is a request for a transfer.
type Query struct {
	Origin string // federation zone
	Apex   string // home zone
	TTL    uint32
	// From is what the secondary has (IXFR, RFC 1995 §4). It gets deltas where
	// the epoch is the same and the history reaches back, a lone SOA if it has
	// the current version, and the full zone in all other cases. Nil asks for
	// the full zone (AXFR, RFC 5936 §2.2).
	From *record.Version
	// LeftOut is called for each record that cannot be packed. The transfer goes
	// on without that record: one bad record must not keep all others from the
	// secondaries. Nil ignores them.
	LeftOut func(rr dns.RR, err error)
}

// Answer writes the answer to a transfer and sends its messages by r.
func Answer(z Zone, q Query, r Reply) error {
	w, err := newWriter(r, q.Apex, q.TTL)
	if err != nil {
		return err
	}
	defer w.release()
	return transfer(z, q, w)
}

// AnswerRecords is Answer for callers that sign and pack messages themselves:
// send is called with the answer sections, one for each message.
func AnswerRecords(z Zone, q Query, send func([]dns.RR) error) error {
	return transfer(z, q, &sections{apex: q.Apex, ttl: q.TTL, send: send})
}

// sink is where the records of a transfer go, in their order.
type sink interface {
	record(dns.RR) error
	binding(location.Binding) error
	flush() error // at the end
}

func transfer(z Zone, q Query, to sink) error {
	a := answer{sink: to, Query: q}
	if q.From != nil {
		now, deltas, ok := z.Since(q.From.Serial)
		if ok && now.Epoch == q.From.Epoch {
			return a.incremental(now, deltas)
		}
	}
	return a.full(z.Snapshot())
}

// sections collects the records of one message at a time.
type sections struct {
	apex   string
	ttl    uint32
	send   func([]dns.RR) error
	out    []dns.RR
	octets int // of out, uncompressed
}

func (s *sections) binding(b location.Binding) error { return s.record(record.TXT(b, s.apex, s.ttl)) }

func (s *sections) record(rr dns.RR) error {
	if err := packable(rr); err != nil {
		return err
	}
	n := dns.Len(rr)
	if len(s.out) >= perMessage || s.octets+n > maxOctets {
		if err := s.flush(); err != nil {
			return err
		}
	}
	s.out, s.octets = append(s.out, rr), s.octets+n
	return nil
}

func (s *sections) flush() error {
	out := s.out
	s.out, s.octets = nil, 0
	if len(out) == 0 {
		return nil
	}
	return s.send(out)
}

type answer struct {
	sink
	Query
}

func (a *answer) soa(v record.Version) dns.RR { return v.SOA(a.Apex, a.Origin, a.TTL) }

// binding writes the record of a binding, unless it cannot be packed. A delta
// that leaves out a record there leaves out its deletion later, as the full zone
// does, so that both lead to the same.
func (a *answer) binding(b location.Binding) error {
	err := a.sink.binding(b)
	if unpackable(err) {
		a.leftOut(record.TXT(b, a.Apex, a.TTL), err)
		return nil
	}
	return err
}

// node writes the record of the node, without what cannot be packed: a node
// without that record could not be called.
func (a *answer) node(n record.Node) error {
	rr := record.NodeTXT(n, a.Apex, a.TTL)
	if err := packable(rr); err != nil {
		whole := *rr
		rr.Txt = slices.DeleteFunc(slices.Clone(rr.Txt), func(s string) bool { return len(s) > maxString })
		a.leftOut(&whole, err)
	}
	return a.record(rr)
}

func (a *answer) leftOut(rr dns.RR, err error) {
	if a.LeftOut != nil {
		a.LeftOut(rr, err)
	}
}

func (a *answer) incremental(now record.Version, deltas []record.Delta) error {
	if err := a.record(a.soa(now)); err != nil {
		return err
	}
	for _, d := range deltas {
		if err := a.side(record.Version{Epoch: now.Epoch, Serial: d.From}, d.OldNode, d.Changes, oldOf); err != nil {
			return err
		}
		if err := a.side(record.Version{Epoch: now.Epoch, Serial: d.To}, d.Node, d.Changes, newOf); err != nil {
			return err
		}
	}
	if len(deltas) > 0 {
		if err := a.record(a.soa(now)); err != nil {
			return err
		}
	}
	return a.flush()
}

func oldOf(c location.Change) location.Binding { return c.Old }
func newOf(c location.Change) location.Binding { return c.New }

// side writes the SOA of one side of a delta, then what that side deletes or adds.
func (a *answer) side(v record.Version, node *record.Node, changes []location.Change, of func(location.Change) location.Binding) error {
	if err := a.record(a.soa(v)); err != nil {
		return err
	}
	if node != nil {
		if err := a.node(*node); err != nil {
			return err
		}
	}
	for _, c := range changes {
		if b := of(c); b.Kind != 0 {
			if err := a.binding(b); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *answer) full(v record.Version, n record.Node, all []location.Binding) error {
	soa := a.soa(v)
	for _, rr := range []dns.RR{soa, NS(a.Apex, n.Name, a.Origin, a.TTL)} {
		if err := a.record(rr); err != nil {
			return err
		}
	}
	if err := a.node(n); err != nil {
		return err
	}
	for _, b := range all {
		if err := a.binding(b); err != nil {
			return err
		}
	}
	if err := a.record(soa); err != nil {
		return err
	}
	return a.flush()
}

// NS returns the NS record of a home zone, which names its node alone.
func NS(apex, node, origin string, ttl uint32) dns.RR {
	return &dns.NS{
		Hdr: dns.RR_Header{Name: apex, Rrtype: dns.TypeNS, Class: dns.ClassINET, Ttl: ttl},
		Ns:  record.NodeName(node, origin),
	}
}
