package location

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// Whatever a registrar reports, in whatever order: the store holds the
// contacts that a plain set says, the changes lead from each state to the
// next, stamps of an AOR only grow, and what is told twice is told once.
func TestStoreAgainstModel(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 1))
		now := time.UnixMilli(1_700_000_000_000)
		rivals := map[AOR]Stamp{}
		s := NewStore(NewClock(func() time.Time { return now }), func(a AOR) Stamp { return rivals[a] })
		model, shadow := map[Contact]bool{}, map[Binding]bool{}
		newest := map[AOR]Stamp{}
		had := map[Binding]bool{} // a listing may bring one back as it was
		key := func(c Contact) Contact { return Contact{AOR: c.AOR, Kind: c.Kind, URI: c.URI} }
		random := func() Contact {
			return Contact{AOR: AOR(fmt.Sprint(100 + rng.IntN(4))), Kind: []Kind{PJSIP, SIP}[rng.IntN(2)],
				URI: fmt.Sprintf("sip:%d", rng.IntN(3)), Expires: now.Add(time.Duration(rng.IntN(90)) * time.Second)}
		}
		for step := range 500 {
			now = now.Add(time.Duration(rng.IntN(2000)-200) * time.Millisecond) // the clock may be set back
			c, list := random(), []Contact{}
			for range rng.IntN(5) {
				l := random()
				l.Kind = c.Kind
				list = append(list, l)
			}
			var do func() []Change
			switch rng.IntN(6) {
			case 0:
				do = func() []Change { model[key(c)] = true; return s.Register(c) }
			case 1:
				do = func() []Change { model[key(c)] = true; return observe(s, c) }
			case 2:
				do = func() []Change { delete(model, key(c)); return s.Remove(c.AOR, c.Kind, c.URI) }
			case 3:
				for i := range list {
					list[i].AOR = c.AOR
				}
				do = func() []Change {
					replace(model, list, func(m Contact) bool { return m.Kind == c.Kind && m.AOR == c.AOR })
					return s.ObserveAOR(c.AOR, c.Kind, list)
				}
			case 4:
				do = func() []Change {
					replace(model, list, func(m Contact) bool { return m.Kind == c.Kind })
					return s.Sweep(c.Kind, List(list...))
				}
			case 5:
				rivals[c.AOR] = Stamp(now.UnixMilli()) << 16
				continue
			}
			for again := range 2 {
				changes := do()
				if again == 1 && len(changes) > 0 && len(list) == 0 {
					t.Fatalf("seed %d step %d: told twice, it changes %v", seed, step, changes)
				}
				for _, ch := range changes {
					if ch.Old.AOR != "" && !shadow[ch.Old] {
						t.Fatalf("seed %d step %d: %v replaces what was never there", seed, step, ch)
					}
					delete(shadow, ch.Old)
					if ch.New.AOR != "" {
						shadow[ch.New] = true
						if ch.New.Stamp != 0 && !had[ch.New] && ch.New.Stamp <= max(newest[ch.New.AOR], rivals[ch.New.AOR]) {
							t.Fatalf("seed %d step %d: stamp %v does not beat %v", seed, step, ch.New.Stamp, newest[ch.New.AOR])
						}
						newest[ch.New.AOR], had[ch.New] = max(newest[ch.New.AOR], ch.New.Stamp), true
					}
				}
			}
			if s.Len() != len(model) || len(shadow) != len(model) {
				t.Fatalf("seed %d step %d: store holds %d, its changes lead to %d, want %d", seed, step, s.Len(), len(shadow), len(model))
			}
			for _, b := range s.Bindings() {
				if !shadow[b] {
					t.Fatalf("seed %d step %d: %v is held, but no change said so", seed, step, b)
				}
			}
		}
	}
}

// replace makes the part of the model that of selects equal to list.
func replace(model map[Contact]bool, list []Contact, of func(Contact) bool) {
	for m := range model {
		if of(m) {
			delete(model, m)
		}
	}
	for _, c := range list {
		model[Contact{AOR: c.AOR, Kind: c.Kind, URI: c.URI}] = true
	}
}
