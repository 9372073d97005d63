package outbound

import (
	"errors"
	"slices"
	"strings"

	"github.com/asterfed/asterfed/zone/record"
	"github.com/asterfed/asterfed/zone/stream"
	"github.com/miekg/dns"
)

// Kind is what a transfer is answered with.
type Kind string

// The kinds.
const (
	Full        Kind = "full"
	Incremental Kind = "incremental"
	Level       Kind = "level" // a lone SOA: there is nothing newer
)

// ErrUnsettled means that this node does not know every other node yet, and
// so not the zone.
var ErrUnsettled = errors.New("not every node is known yet")

// Transfer writes the answer to a transfer. A nil held asks for the full zone
// (AXFR, RFC 5936 §2.2); else it is the SOA that the secondary holds (IXFR,
// RFC 1995 §4), which gets deltas if it is this node's and the history reaches
// back, the SOA alone if that is not older, and the full zone in all other
// cases. What is written is the zone at one serial, whatever changes meanwhile.
func (z *Zone) Transfer(held *dns.SOA, to *stream.Stream) (Kind, error) {
	if err := z.Follow(); err != nil {
		return "", err
	}
	t := transfer{z: z, to: to}
	kind := t.read(held)
	var err error
	switch kind {
	case Full:
		err = t.full()
	case Incremental:
		err = t.incremental()
	default:
		err = to.Record(z.view.SOA(t.serial))
	}
	if err == nil {
		err = to.Flush()
	}
	return kind, err
}

// Follow makes the zone one that is kept level, which takes seconds where it is
// large. Transfer does so by itself.
func (z *Zone) Follow() error {
	if !z.view.Settled() {
		return ErrUnsettled
	}
	z.mu.Lock()
	z.asked = z.cfg.Now()
	ready := z.sets != nil
	z.mu.Unlock()
	if ready {
		return nil
	}
	z.working.Lock()
	defer z.working.Unlock()
	if z.sets == nil {
		z.build()
	}
	return nil
}

// transfer is one answer: a serial, and what stands at it.
type transfer struct {
	z      *Zone
	to     *stream.Stream
	serial uint32
	all    []change // for a full zone, what each unit has
	steps  []step
}

// read takes what the answer needs, all of one moment.
func (t *transfer) read(held *dns.SOA) Kind {
	z := t.z
	z.mu.Lock()
	defer z.mu.Unlock()
	t.serial = z.serial
	if held != nil && strings.EqualFold(held.Ns, z.view.SOA(0).Ns) {
		if !record.Newer(z.serial, held.Serial) {
			return Level
		}
		i := slices.IndexFunc(z.history, func(s step) bool { return s.from == held.Serial })
		n := 0
		for j := i; j >= 0 && j < len(z.history); j++ {
			n += len(z.history[j].changes)
		}
		if i >= 0 && n <= len(z.sets)+fewChanges {
			t.steps = slices.Clone(z.history[i:])
			return Incremental
		}
	}
	t.all = make([]change, 0, len(z.sets))
	for unit, s := range z.sets {
		t.all = append(t.all, change{unit: unit, now: s})
	}
	return Full
}

func (t *transfer) full() error {
	v := t.z.view
	slices.SortFunc(t.all, func(a, b change) int { return strings.Compare(a.unit, b.unit) })
	if err := t.to.Record(v.SOA(t.serial)); err != nil {
		return err
	}
	for _, c := range t.all {
		if err := t.write(c.unit, c.now.records()); err != nil {
			return err
		}
	}
	for _, rr := range v.Delegated() {
		if dns.IsSubDomain(v.Origin(), rr.Header().Name) {
			if err := t.to.Record(rr); err != nil {
				return err
			}
		}
	}
	return t.to.Record(v.SOA(t.serial))
}

func (t *transfer) incremental() error {
	v := t.z.view
	if err := t.to.Record(v.SOA(t.serial)); err != nil {
		return err
	}
	for _, s := range t.steps {
		if err := t.to.Record(v.SOA(s.from)); err != nil {
			return err
		}
		for _, c := range s.changes {
			if err := t.write(c.unit, c.old.without(c.now)); err != nil {
				return err
			}
		}
		if err := t.to.Record(v.SOA(s.to)); err != nil {
			return err
		}
		for _, c := range s.changes {
			if err := t.write(c.unit, c.now.without(c.old)); err != nil {
				return err
			}
		}
	}
	return t.to.Record(v.SOA(t.serial))
}

func (t *transfer) write(unit string, records []item) error {
	owner, name := strings.TrimPrefix(unit+"."+t.z.view.Origin(), "."), nameOf(unit)
	for _, r := range records {
		rdata := r.rdata
		if r.rtype == dns.TypeNAPTR {
			rdata = respelled(rdata, blank, name)
		}
		if err := t.to.Raw(r.below+owner, r.rtype, rdata); err != nil {
			return err
		}
	}
	return nil
}
