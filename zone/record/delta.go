package record

import (
	"github.com/asterfed/asterfed/zone/location"
)

// Delta is one step of a home zone from a serial to the next. Node is nil
// where the apex record did not change.
type Delta struct {
	From, To uint32
	OldNode  *Node
	Node     *Node
	Changes  []location.Change
}
