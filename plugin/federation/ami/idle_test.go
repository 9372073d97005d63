package ami

import (
	"testing"
	"time"
)

// A session with nothing to do sleeps, also where nobody hears of trunks and
// rooms.
func TestIdleSessionSleeps(t *testing.T) {
	s := newSession(New(Config{Registrar: &sink{}}))
	s.booted, s.last.State = true, Ready
	s.trunks.want(time.Now())
	for range 3 {
		wait, err := s.step()
		if err != nil || wait < time.Second {
			t.Errorf("wakes after %v, %v: want seconds", wait, err)
		}
	}
}
