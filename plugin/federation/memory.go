package federation

import (
	"runtime/debug"
	"time"

	"github.com/asterfed/asterfed/zone/xfr"
)

// tidyAfter is how long after the last full transfer the memory that they
// took beside what is held is given back to the system. It would go by
// itself, but only down to what the collector's next round may need, and in
// minutes.
const tidyAfter = 3 * time.Second

// newTidy returns a timer that is started by tidied.
func newTidy() *time.Timer {
	t := time.AfterFunc(time.Hour, debug.FreeOSMemory)
	t.Stop()
	return t
}

// tidied is called after every transfer of a peer, from one goroutine.
func (r *Runtime) tidied(peer func() *xfr.Peer) func() {
	full := int64(0)
	return func() {
		if n := peer().Stats().Full; n != full {
			full = n
			r.tidy.Reset(tidyAfter)
		}
	}
}
