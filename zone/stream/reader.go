package stream

import (
	"errors"
	"fmt"
	"slices"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/miekg/dns"
)

// Transfer is the result of a transfer: nothing, where the version is the same; the
// Full zone; or Deltas that lead from the version asked with to Version.
type Transfer struct {
	Version  record.Version
	Full     bool
	Node     *record.Node
	Bindings []location.Binding // of a full zone
	Deltas   []record.Delta
	// Refused counts records that were left out because they must not be
	// published; FirstRefused is the error of the first.
	// Unreadable counts those among them whose data is no record.
	Refused, Unreadable int
	FirstRefused        error
}

// ErrShort means that a transfer ended before its closing SOA.
var ErrShort = errors.New("transfer ended before its closing SOA")

// maxRecords bounds a transfer: several times the largest home zone there can
// sensibly be, and about 1 GB of memory.
const maxRecords = 8_000_000

// maxDeltaRecords bounds an IXFR. A primary that keeps its history as this version
// does (primary.Primary, 200,000 steps and changes) sends 800,000 at most; the full
// zone is asked for instead of more.
const maxDeltaRecords = 1_000_000

// Reader puts the records of a transfer together as they come in. Not safe for
// concurrent use.
type Reader struct {
	apex  string
	held  *record.Version
	n     int // records so far
	last  record.Version
	inAdd bool
	cur   *record.Delta
	dels  []location.Binding
	adds  []location.Binding
	done  bool
	t     Transfer
}

// NewReader returns a reader of the answer to an IXFR from a version, or to an AXFR
// where that is nil.
func NewReader(apex string, from *record.Version) *Reader { return &Reader{apex: apex, held: from} }

// Done reports whether the transfer is complete.
func (r *Reader) Done() bool { return r.done }

// Transfer returns what has come so far.
func (r *Reader) Transfer() *Transfer { return &r.t }

// Deltas reads the answer section of a NOTIFY that has the changes with it. It
// returns nil unless the section is a whole IXFR from that version.
func Deltas(answer []dns.RR, apex string, from record.Version) *Transfer {
	r := NewReader(apex, &from)
	for _, rr := range answer {
		if _, err := r.add(rr); err != nil {
			return nil
		}
	}
	if !r.done || r.t.Full || r.t.Version.Epoch != from.Epoch {
		return nil
	}
	return &r.t
}

// next counts a record and reports whether it is one too many.
func (r *Reader) next(name string) error {
	if r.done {
		return fmt.Errorf("record after the closing SOA: %s", name)
	}
	if r.n++; r.n > maxRecords {
		return fmt.Errorf("transfer has more than %d records", maxRecords)
	}
	if r.n > maxDeltaRecords && !r.t.Full {
		return fmt.Errorf("IXFR has more than %d records", maxDeltaRecords)
	}
	return nil
}

// user adds the next record, which is a registration.
func (r *Reader) user(b location.Binding) error {
	if err := r.next(string(b.AOR)); err != nil {
		return err
	}
	switch {
	case r.n == 1:
		return errors.New("transfer begins with TXT, want SOA")
	case r.n == 2:
		r.t.Full = true
	}
	switch {
	case r.t.Full:
		r.binding(b)
	case r.inAdd:
		r.adds = append(r.adds, b)
	default:
		r.dels = append(r.dels, b)
	}
	return nil
}

// binding adds a binding of a full zone. The list doubles: append alone would copy
// large ones five times over.
func (r *Reader) binding(b location.Binding) {
	if n := len(r.t.Bindings); n == cap(r.t.Bindings) {
		r.t.Bindings = slices.Grow(r.t.Bindings, max(64, n))
	}
	r.t.Bindings = append(r.t.Bindings, b)
}

// add adds the next record. It reports whether the transfer is complete.
func (r *Reader) add(rr dns.RR) (done bool, err error) {
	if err := r.next(rr.Header().Name); err != nil {
		return r.done, err
	}
	soa, isSOA := rr.(*dns.SOA)
	switch {
	case isSOA && dns.CanonicalName(soa.Hdr.Name) != r.apex:
		return false, fmt.Errorf("SOA of %s in a transfer of %s", soa.Hdr.Name, r.apex)
	case r.n == 1:
		if !isSOA {
			return false, fmt.Errorf("transfer begins with %s, want SOA", dns.TypeToString[rr.Header().Rrtype])
		}
		r.t.Version = record.VersionOf(soa)
		return false, nil
	case r.n == 2 && !(isSOA && r.held != nil && record.VersionOf(soa) == *r.held):
		r.t.Full = true
		if isSOA { // an empty zone would still have its apex record
			return false, errors.New("full transfer holds no record but SOA")
		}
	}
	if r.t.Full {
		return r.full(rr, soa)
	}
	return r.incremental(rr, soa)
}

func (r *Reader) full(rr dns.RR, soa *dns.SOA) (bool, error) {
	if soa != nil {
		if record.VersionOf(soa) != r.t.Version {
			return false, fmt.Errorf("closing SOA has serial %d, want %d", soa.Serial, r.t.Version.Serial)
		}
		r.done = true
		return true, nil
	}
	if b, node, ok := r.parse(rr); ok {
		r.binding(b)
	} else if node != nil {
		r.t.Node = node
	}
	return false, nil
}

// incremental follows RFC 1995 §4: SOA new, then for each step SOA from,
// deletions, SOA to, additions, and SOA new again at the end.
func (r *Reader) incremental(rr dns.RR, soa *dns.SOA) (bool, error) {
	switch {
	case soa == nil && r.inAdd:
		if b, node, ok := r.parse(rr); ok {
			r.adds = append(r.adds, b)
		} else if node != nil {
			r.cur.Node = node
		}
	case soa == nil:
		if b, _, ok := r.parse(rr); ok {
			r.dels = append(r.dels, b)
		}
	case r.cur != nil && !r.inAdd:
		r.inAdd = true
		r.cur.To = soa.Serial
		r.last = record.VersionOf(soa)
	default: // the next step, or the end
		v := record.VersionOf(soa)
		r.step()
		if r.cur != nil && v == r.t.Version && r.last == v {
			r.done = true
			return true, nil
		}
		if r.cur != nil && v != r.last {
			return false, fmt.Errorf("delta starts at serial %d, want %d", v.Serial, r.last.Serial)
		}
		r.cur, r.inAdd = &record.Delta{From: v.Serial}, false
	}
	return false, nil
}

// step ends the delta under way. A binding that is both deleted and added is one
// replacement, and additions come first, so that a user who only changes a contact
// is never absent in between.
func (r *Reader) step() {
	if r.cur == nil {
		return
	}
	if len(r.dels)+len(r.adds) == 0 {
		r.t.Deltas = append(r.t.Deltas, *r.cur)
		return
	}
	type key struct {
		aor location.AOR
		id  location.ContactID
	}
	old := make(map[key]location.Binding, len(r.dels))
	for _, b := range r.dels {
		old[key{b.AOR, b.Contact}] = b
	}
	for _, b := range r.adds {
		k := key{b.AOR, b.Contact}
		r.cur.Changes = append(r.cur.Changes, location.Change{Old: old[k], New: b})
		delete(old, k)
	}
	for _, b := range r.dels {
		if _, still := old[key{b.AOR, b.Contact}]; still {
			r.cur.Changes = append(r.cur.Changes, location.Change{Old: b})
		}
	}
	r.t.Deltas = append(r.t.Deltas, *r.cur)
	r.dels, r.adds = nil, nil
}

// parse reads one record. A record that must not be published is counted and left
// out.
func (r *Reader) parse(rr dns.RR) (location.Binding, *record.Node, bool) {
	txt, ok := rr.(*dns.TXT)
	if !ok {
		return location.Binding{}, nil, false // NS and whatever later versions add
	}
	b, node, err := record.ParseTXT(txt, r.apex)
	if errors.Is(err, location.ErrKind) {
		return b, nil, false // a later version's
	}
	if err != nil {
		r.refused(err)
		return b, node, false // a node without the value
	}
	return b, node, node == nil
}

func (r *Reader) refused(err error) {
	r.t.Refused++
	if r.t.FirstRefused == nil {
		r.t.FirstRefused = err
	}
}

// refuse passes over the next record, which cannot be read. A transfer begins
// with a SOA, so that it cannot be the first.
func (r *Reader) refuse(err error) error {
	if nerr := r.next("unreadable"); nerr != nil {
		return nerr
	}
	switch r.n {
	case 1:
		return err
	case 2:
		r.t.Full = true
	}
	r.refused(err)
	r.t.Unreadable++
	return nil
}

// Level reports whether what has come so far is the whole answer of a
// primary that has nothing new (RFC 1995 §4: a single SOA).
func (r *Reader) Level() bool {
	return r.n == 1 && r.held != nil && (r.t.Version == *r.held || !record.Newer(r.t.Version.Serial, r.held.Serial))
}
