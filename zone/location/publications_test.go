package location

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// Whatever is published, refreshed and withdrawn: what has ended is told, no
// sooner and no later, and told again until it is withdrawn.
func TestExpiredAgainstModel(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 2))
		now := time.Unix(1_700_000_000, 0)
		p, model := NewPublications(), map[ContactID]Binding{}
		apply := func(c ...Change) {
			for _, c := range c {
				delete(model, c.Old.Contact)
				if c.New.Kind != 0 {
					model[c.New.Contact] = c.New
				}
			}
			p.Apply(c)
		}
		for step := range 2000 {
			name := fmt.Sprint(100 + rng.IntN(30))
			d := Details{}
			if rng.IntN(4) > 0 {
				d.Expires = now.Unix() + int64(rng.IntN(100)) + 1
			}
			b, err := Publish(Number, name, d)
			if err != nil {
				t.Fatal(err)
			}
			switch old := model[b.Contact]; rng.IntN(4) {
			case 0, 1:
				apply(Change{Old: old, New: b})
			case 2:
				if old.Kind != 0 {
					apply(Change{Old: old})
				}
			case 3:
				now = now.Add(time.Duration(rng.IntN(20)) * time.Second)
			}
			due, next := p.Expired(now)
			again, _ := p.Expired(now)
			var want int
			var first int64
			for _, b := range model {
				switch x := b.Info.Details().Expires; {
				case x != 0 && x <= now.Unix():
					want++
				case x != 0 && (first == 0 || x < first):
					first = x
				}
			}
			if len(due) != want || len(again) != want || next.IsZero() != (first == 0) || first != 0 && next.Unix() != first {
				t.Fatalf("seed %d step %d: %d and %d ended, next %v; want %d, %d", seed, step, len(due), len(again), next, want, first)
			}
			if rng.IntN(3) > 0 { // else the disk is full
				apply(due...)
			}
			if p.Len() != len(model) || len(p.ends) > 2*p.Len()+65 {
				t.Fatalf("seed %d step %d: %d bindings, want %d; %d in the calendar", seed, step, p.Len(), len(model), len(p.ends))
			}
		}
	}
}

// Whatever is published by whom, and withdrawn: a source is told of what is its
// own, whether it was asked for before or not.
func TestBySourceAgainstModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 3))
	sources := []string{"", "rooms", "queues"}
	p := NewPublications()
	for step := range 3000 {
		b, err := Publish(Conference, fmt.Sprint(100+rng.IntN(30)), Details{By: sources[rng.IntN(3)], Cost: uint16(rng.IntN(3))})
		if err != nil {
			t.Fatal(err)
		}
		c := Change{New: b}
		if old, known := p.Get(b); known && rng.IntN(3) > 0 {
			if c.Old = old; rng.IntN(2) == 0 {
				c.New = Binding{}
			}
		}
		p.Apply([]Change{c})
		for i, name := range sources[:min(3, step/1000+1)] { // each is asked for from another moment on
			want := map[Binding]bool{}
			for _, b := range p.Bindings() {
				if b.Info.Details().By == name {
					want[b] = true
				}
			}
			for b := range p.By(name) {
				if !want[b] {
					t.Fatalf("step %d: source %d is told of %v", step, i, b)
				}
				delete(want, b)
			}
			if len(want) > 0 {
				t.Fatalf("step %d: source %d is not told of %v", step, i, want)
			}
		}
	}
}
