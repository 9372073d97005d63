package xfr

import (
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	var p pace
	now := time.Unix(1, 0)
	for i := range notifyBurst {
		if d := p.next(now); d != 0 {
			t.Errorf("NOTIFY %d waits %v, want none", i, d)
		}
	}
	for i := range 100 { // as fast as it is let
		d := p.next(now)
		if d != notifySpacing {
			t.Errorf("NOTIFY %d of a stream waits %v, want %v", i, d, notifySpacing)
		}
		now = now.Add(d)
	}
	now = now.Add(notifyBurst * notifySpacing)
	if d := p.next(now); d != 0 {
		t.Errorf("after a pause a NOTIFY waits %v, want none", d)
	}
}
