package node

import (
	"context"
	"runtime/debug"
	"time"

	"github.com/asterfed/asterfed/zone/peer"
)

// tidyAfter is how long after the last full transfer the memory that transfers took
// is given back to the system. It would go by itself, but only down to what the
// collector's next round may need, and in minutes.
const tidyAfter = 3 * time.Second

// tidier gives memory back to the system.
type tidier struct{ timer *time.Timer }

func newTidier() *tidier {
	t := &tidier{time.AfterFunc(time.Hour, debug.FreeOSMemory)}
	t.timer.Stop()
	return t
}

// run ends the timer when ctx ends.
func (t *tidier) run(ctx context.Context) {
	<-ctx.Done()
	t.timer.Stop()
}

// now gives back what reading took at the start.
func (t *tidier) now() { t.timer.Reset(0) }

// after returns what is called after every transfer of a peer, from one goroutine.
func (t *tidier) after(peer func() *peer.Peer) func() {
	full := int64(0)
	return func() {
		if n := peer().Stats().Full; n != full {
			full = n
			t.timer.Reset(tidyAfter)
		}
	}
}
