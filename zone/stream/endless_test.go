package stream

import (
	"runtime"
	"testing"

	"github.com/asterfed/asterfed/zone/location"
	"github.com/asterfed/asterfed/zone/record"
	"github.com/miekg/dns"
)

// An IXFR that never ends costs a bounded amount of memory and is given up; the
// full zone is asked for instead.
func TestEndlessDeltas(t *testing.T) {
	apex := record.HomeZone("pbx-b", origin)
	held := record.Version{Epoch: "e", Serial: 1}
	soa := func(serial uint32) dns.RR { return record.Version{Epoch: "e", Serial: serial}.SOA(apex, origin, 5) }
	one := location.Binding{AOR: "1001", Kind: location.PJSIP, Contact: 1}
	for name, step := range map[string]func(r *Reader, serial uint32) error{
		"steps without a change": func(r *Reader, serial uint32) error {
			_, err := r.add(soa(serial))
			if err == nil {
				_, err = r.add(soa(serial + 1))
			}
			return err
		},
		"one step with everything": func(r *Reader, serial uint32) error {
			if serial == 1 {
				if _, err := r.add(soa(1)); err != nil {
					return err
				}
			}
			b := one
			b.Contact = location.ContactID(serial)
			return r.user(b)
		},
	} {
		r := &Reader{apex: apex, held: &held}
		if _, err := r.add(soa(9)); err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		var err error
		n := uint32(0)
		for err == nil && n < 4*maxDeltaRecords {
			n++
			err = step(r, n)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if err == nil || r.n > maxDeltaRecords+1 {
			t.Errorf("%s: %d records are read: %v", name, r.n, err)
		}
		if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 200<<20 {
			t.Errorf("%s: %d MB", name, grown>>20)
		}
		runtime.KeepAlive(r)
	}
}
