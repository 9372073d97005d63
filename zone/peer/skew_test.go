package peer

import (
	"errors"
	"testing"
	"time"
)

// The clock of the other node is learnt where it is far off.
func TestClockIsLearnt(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	theirs := time.Unix(0x70dbd880, 0)
	s := &skewed{now: func() time.Time { return now }}
	if err := s.learn(theirs); !errors.Is(err, errClock) || s.time() != theirs {
		t.Errorf("learnt %v: %v", s.time(), err)
	}
	if s.learn(now.Add(time.Minute)); s.time() != now {
		t.Errorf("a minute off: %v, want the own clock", s.time())
	}
}
