package location

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// A phone moves between a home whose asterfed hears nothing now and then, and
// another that always does, with clocks that differ. Whatever the listing after
// a deaf spell proves, it never puts the deaf home before a registration that
// came later; and it does put it before one that was known before the spell.
func TestListingProvesNoMoreThanItKnows(t *testing.T) {
	proved := 0
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 2))
		now := time.UnixMilli(1_700_000_000_000)
		skew := time.Duration(rng.IntN(60)-30) * time.Second
		here, there := NewClock(func() time.Time { return now }), NewClock(func() time.Time { return now.Add(skew) })
		var rival Stamp
		var rivalAt, spell time.Time
		s := NewStore(here, func(AOR) Stamp { return rival })
		listed := map[string]time.Time{} // what the registrar holds, since when
		var mark Stamp
		deaf := false
		for step := range 200 {
			now = now.Add(time.Duration(1+rng.IntN(3000)) * time.Millisecond)
			switch uri := fmt.Sprintf("sip:%d-%d", seed, step); rng.IntN(5) {
			case 0: // it registers here
				listed[uri] = now
				if !deaf {
					s.Register(Contact{AOR: "1001", Kind: PJSIP, URI: uri})
					for _, b := range s.Bindings() {
						there.Observe(b.Stamp)
					}
				}
			case 1: // and there
				newest := rival
				for _, b := range s.Bindings() {
					newest = max(newest, b.Stamp)
				}
				rival, rivalAt = there.Next(newest), now
				here.Observe(rival)
			case 2: // a contact expires
				for uri := range listed {
					delete(listed, uri)
					if !deaf {
						s.Remove("1001", PJSIP, uri)
					}
					break
				}
			case 3:
				if !deaf {
					deaf, spell, mark = true, now, here.Mark()
					there.Observe(mark) // as with the next change that is told
				}
			case 4:
				if !deaf {
					continue
				}
				deaf = false
				before := map[ContactID]bool{}
				for _, b := range s.Bindings() {
					before[b.Contact] = true
				}
				var list []Contact
				for uri := range listed {
					list = append(list, Contact{AOR: "1001", Kind: PJSIP, URI: uri, Since: mark})
				}
				s.Sweep(PJSIP, List(list...))
				for _, b := range s.Bindings() {
					there.Observe(b.Stamp)
					if before[b.Contact] {
						continue
					}
					var at time.Time
					for uri := range listed {
						if (Contact{Kind: PJSIP, URI: uri}).ID() == b.Contact {
							at = listed[uri]
						}
					}
					if rivalAt.After(at) && b.Stamp > rival {
						t.Fatalf("seed %d step %d: a listing puts a registration of %v before one of %v", seed, step, at, rivalAt)
					}
					if rivalAt.Before(spell) {
						if proved++; b.Stamp <= rival {
							t.Fatalf("seed %d step %d: one of %v stays behind one of %v, known before %v", seed, step, at, rivalAt, spell)
						}
					}
				}
			}
		}
	}
	if proved < 100 {
		t.Errorf("the listing had something to prove %d times only", proved)
	}
}

// A contact that a listing lacked, and a later one has, was not registered
// anew: the registrar's database was away.
func TestDatabaseThatWasAwayProvesNothing(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	clock := NewClock(func() time.Time { return now })
	var rival Stamp
	s := NewStore(clock, func(AOR) Stamp { return rival })
	c := Contact{AOR: "1001", Kind: PJSIP, URI: "sip:1"}
	s.Register(c)
	had := s.Bindings()[0]
	rival = clock.Next(0)
	s.Sweep(PJSIP, List())
	c.Since = clock.Mark()
	s.Sweep(PJSIP, List(c))
	if got := s.Bindings(); len(got) != 1 || got[0] != had {
		t.Errorf("back as %v, want %v", got, had)
	}
	s.Remove(c.AOR, c.Kind, c.URI) // now the registrar says so
	s.Sweep(PJSIP, List(c))
	if got := s.Bindings(); len(got) != 1 || got[0].Stamp != c.Since {
		t.Errorf("registered since: %v, want stamp %v", got, c.Since)
	}
}
