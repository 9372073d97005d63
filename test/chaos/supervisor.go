package chaos

import (
	"context"
	"fmt"
	"time"
)

// restartDelay is RestartSec of the unit in docs/operations.md.
const restartDelay = time.Second

// supervise starts each asterfed again that has ended by itself, as systemd
// does. That it ended is a failure of the run all the same.
func (l *Lab) supervise(ctx context.Context) {
	for sleep(ctx, 100*time.Millisecond) {
		for _, n := range l.nodes {
			l.w.mu.Lock()
			runs := l.w.health[n.id].fed && l.w.blurred == 0
			l.w.mu.Unlock()
			if !runs || !n.ended() {
				continue
			}
			o := &outage{kind: "crash", what: "crash of " + n.name, began: time.Now(), ended: time.Now(),
				detect: map[int]time.Duration{}, recover: map[int]time.Duration{}}
			l.w.change(o, func() { l.w.health[n.id].fed = false })
			l.fail(fmt.Errorf("%.1fs asterfed of %s has ended by itself: %s", l.w.at(time.Now()), n.name, n.log.lastLine()))
			go func() {
				if sleep(ctx, restartDelay) {
					l.fail(l.w.blur(func() error { return startFederator(l, step{nodes: []int{n.id}}, o) }))
				}
			}()
		}
	}
}
