package federation

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// The same datagram is done once and answered alike, also while the first is
// still at work; it is forgotten once nobody would send it again.
func TestResent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s resent
		done := 0
		slow := errors.New("slow")
		take := func() error {
			done++
			time.Sleep(4 * time.Second)
			return slow
		}
		answers := make(chan error, 2)
		for range 2 {
			go func() { answers <- s.once("a", take) }()
			time.Sleep(3 * time.Second)
		}
		for range 2 {
			if err := <-answers; err != slow {
				t.Errorf("answered %v", err)
			}
		}
		if err := s.once("b", func() error { return nil }); err != nil || done != 1 {
			t.Errorf("another datagram: %v; done %d times, want 1", err, done)
		}
		if err := s.once("b", take); err != nil || done != 1 {
			t.Errorf("again: %v; done %d times, want 1", err, done)
		}
		time.Sleep(resendWindow)
		synctest.Wait()
		if len(s.last) != 0 {
			t.Errorf("%d datagrams are remembered", len(s.last))
		}
	})
}
