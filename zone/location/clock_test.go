package location

import (
	"math"
	"testing"
	"time"
)

// No stamp is issued beyond what others take for possible, whatever was seen.
func TestNextIsPossible(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	c := NewClock(func() time.Time { return now })
	issued := map[Stamp]bool{}
	for _, seen := range []time.Duration{-time.Hour, 0, time.Second, MaxSkew - time.Second, MaxSkew, MaxSkew + time.Millisecond, time.Hour, 1000 * time.Hour} {
		for _, s := range []Stamp{c.Next(Stamp(now.Add(seen).UnixMilli()) << 16), c.Next(math.MaxUint64)} {
			if s.Time().After(now.Add(MaxSkew)) {
				t.Errorf("having seen %v ahead, the clock issues %v ahead", seen, s.Time().Sub(now))
			}
			if issued[s] || s == 0 {
				t.Errorf("stamp %v is issued twice", s)
			}
			issued[s] = true
		}
	}
}
