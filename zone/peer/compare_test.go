package peer

import (
	"fmt"
	"testing"
	"time"

	"github.com/asterfed/asterfed/zone/location"
)

// compared waits until a comparison after those counted in s had a result.
func compared(t *testing.T, p *Peer, what string, ok func(Stats) bool) Stats {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(10 * time.Second); ; {
		if s := p.Stats(); ok(s) {
			return s
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not within 10 s; %+v", what, p.Stats())
		}
	}
}

// What is held and is not what the home holds is found, and cured once by a full
// transfer, whatever is wrong with it.
func TestDivergenceIsFoundAndCured(t *testing.T) {
	bound := location.Binding{AOR: "2001", Kind: location.PJSIP, Contact: location.Contact{Kind: location.PJSIP, URI: "sip:2001"}.ID()}
	for name, spoil := range map[string]location.Change{
		"one too many":    {New: location.Binding{AOR: "6666", Kind: location.PJSIP, Contact: 6}},
		"one is missing":  {Old: bound},
		"a stamp differs": {Old: bound, New: location.Binding{AOR: bound.AOR, Kind: bound.Kind, Contact: bound.Contact, Stamp: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := newNode(t, "pbx-a", ""), newNode(t, "pbx-b", "")
			b.register("2000", "2001", "2002")
			p, pulled, _ := a.follow(b, testKey)
			a.level(b, pulled)
			was := compared(t, p, "equal at first", func(s Stats) bool { return s.Alike > 0 })
			if was.Unlike > 0 || was.Differs {
				t.Fatalf("differs before anything is wrong: %+v", was)
			}
			home := a.view.Home("pbx-b")
			home.Apply(home.Version(), nil, []location.Change{spoil})
			s := compared(t, p, "found", func(s Stats) bool { return s.Unlike > 0 })
			s = compared(t, p, "cured", func(now Stats) bool { return now.Alike > s.Alike && !now.Differs })
			if s.Full != was.Full+1 {
				t.Errorf("%d full transfers, want one more than %d", s.Full, was.Full)
			}
			a.level(b, pulled)
			if got, want := home.Digest(), b.view.Home("pbx-b").Digest(); got != want {
				t.Errorf("digest is %+v, want %+v", got, want)
			}
		})
	}
}

// A home that changes all the time is compared too, and never found to differ.
func TestComparisonUnderChanges(t *testing.T) {
	a, b := newNode(t, "pbx-a", ""), newNode(t, "pbx-b", "")
	p, pulled, _ := a.follow(b, testKey)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for i := 0; p.Stats().Alike < 5; i++ {
		if i == 10_000 {
			t.Fatalf("after %d changes: %+v", i, p.Stats())
		}
		<-tick.C
		b.register(fmt.Sprint(2000 + i%500))
		b.primary.Update(func(s *location.Store) []location.Change {
			return s.Remove(location.AOR(fmt.Sprint(2000+(i+250)%500)), location.PJSIP, fmt.Sprint("sip:", 2000+(i+250)%500))
		})
	}
	a.level(b, pulled)
	if s := p.Stats(); s.Unlike > 0 || s.Full != 1 {
		t.Errorf("differs though nothing is wrong: %+v", s)
	}
}

// A difference that a full transfer does not cure costs no second one within
// the hour.
func TestDivergenceWithoutCure(t *testing.T) {
	a, b := newNode(t, "pbx-a", ""), newNode(t, "pbx-b", "")
	b.register("2000", "2001")
	p, pulled, _ := a.follow(b, testKey)
	a.level(b, pulled)
	home := b.view.Home("pbx-b") // its digest is wrong, what it hands out is not
	home.Apply(home.Version(), nil, []location.Change{{New: location.Binding{AOR: "6666", Kind: location.PJSIP, Contact: 6}}})
	s := compared(t, p, "found", func(s Stats) bool { return s.Unlike > 4 })
	if !s.Differs || s.Full > 2 {
		t.Errorf("got %+v, want one full transfer more, and that it differs still", s)
	}
}
