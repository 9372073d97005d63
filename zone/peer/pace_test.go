package peer

import (
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	p := notifyPace()
	now := time.Unix(1, 0)
	for i := range p.burst {
		if d := p.next(now); d != 0 {
			t.Errorf("NOTIFY %d waits %v, want none", i, d)
		}
	}
	for i := range 100 { // as fast as it is let
		d := p.next(now)
		if d != p.spacing {
			t.Errorf("NOTIFY %d of a stream waits %v, want %v", i, d, p.spacing)
		}
		now = now.Add(d)
	}
	now = now.Add(time.Duration(p.burst) * p.spacing)
	if d := p.next(now); d != 0 {
		t.Errorf("after a pause a NOTIFY waits %v, want none", d)
	}
}
