package zone

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestBandsDoNotFlap: a distance that hovers at an edge changes bands once at
// most, one that moves on changes with it, and the band is never off by more
// than the margin.
func TestBandsDoNotFlap(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for range 200 {
		centre := time.Duration(r.IntN(100_000)) * time.Microsecond
		var d distance
		changes, last := 0, int32(0)
		for range 500 {
			rtt := centre + time.Duration((r.Float64()-0.5)*float64(bandMargin))*2/3 // less than the margin to either side
			d.set(rtt)
			if b := d.band.Load(); b != last {
				changes, last = changes+1, b
			}
			edge := time.Duration(last) * bandWidth
			if rtt = max(rtt, 0); rtt >= edge+bandMargin || rtt < edge-bandWidth-bandMargin {
				t.Fatalf("%v is in band %d", rtt, last)
			}
		}
		if changes > 2 { // the first one included
			t.Errorf("around %v the band changed %d times", centre, changes)
		}
		d.set(centre + 25*time.Millisecond)
		if b := d.band.Load(); b <= last {
			t.Errorf("25 ms farther, band %d is still %d", last, b)
		}
	}
}

// TestRoutesAreNearest: of two nodes that reach a prefix at the same cost the
// nearer comes first, whoever published it last; equals take turns.
func TestRoutesAreNearest(t *testing.T) {
	v := newTestView(t, Newest)
	publish(t, v, "pbx-b", "prefix 49 cost=10", "prefix 44 cost=10")
	publish(t, v, "pbx-c", "prefix 49 cost=10", "prefix 44 cost=5")
	v.Home("pbx-b").SetDistance(30 * time.Millisecond)
	v.Home("pbx-c").SetDistance(2 * time.Millisecond)
	for name, want := range map[string]string{"1.9.4.e164": `\\1@pbx-c \\1@pbx-b`, "1.4.4.e164": `\\1@pbx-c \\1@pbx-b`} {
		if got := sip(v, name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	v.Home("pbx-b").SetDistance(time.Millisecond)
	first := map[string]int{}
	for range 10 {
		first[sip(v, "1.9.4.e164")]++
	}
	if len(first) != 2 {
		t.Errorf("equals do not take turns: %v", first)
	}
	if got := sip(v, "1.4.4.e164"); got != `\\1@pbx-c \\1@pbx-b` {
		t.Errorf("the cost comes first: %s", got)
	}
}
