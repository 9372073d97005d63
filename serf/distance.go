package serf

import (
	"time"

	"github.com/hashicorp/serf/coordinate"
)

// maxError is the error of a coordinate that was never measured: it lies at
// the origin, so that a distance to it means nothing.
var maxError = coordinate.DefaultConfig().VivaldiErrorMax

// distance estimates the round-trip time between two coordinates; either may
// be nil. Coordinates come from other nodes and may be nonsense.
func distance(x, y *coordinate.Coordinate) (time.Duration, bool) {
	if !settled(x) || !settled(y) || !x.IsCompatibleWith(y) {
		return 0, false
	}
	return x.DistanceTo(y), true
}

func settled(c *coordinate.Coordinate) bool {
	return c != nil && c.IsValid() && c.Error < maxError
}
