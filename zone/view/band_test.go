package view

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
