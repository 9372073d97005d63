package chaos

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/asterfed/asterfed/test/chaos/clock"
)

// jump is how far a clock is set by one fault.
const jump = time.Hour

// clockFile holds how far the host's clock is off, in seconds.
func (n *node) clockFile() string { return filepath.Join(n.dir, "clock") }

// setClock sets the clock of a node's host: that of asterfed, and that of
// Asterisk, which drops at once what has expired by it.
func setClock(by time.Duration) func(*Lab, step, *outage) error {
	return func(l *Lab, st step, _ *outage) error {
		n := l.nodes[st.nodes[0]]
		l.w.mu.Lock()
		defer l.w.mu.Unlock()
		off := time.Duration(n.off.Add(int64(by)))
		err := os.WriteFile(n.clockFile(), []byte(strconv.Itoa(int(off.Seconds()))), 0o600)
		err = errors.Join(err, n.signal(clock.Changed))
		n.pbx.CheckExpiry()
		l.dropped(n)
		return err
	}
}

// dropped notes whose contact a node's Asterisk takes for expired now that its
// clock was set. The world is locked.
func (l *Lab) dropped(n *node) {
	now := time.Now()
	for _, u := range l.w.users {
		if c, ok := u.held[n.id]; ok && !n.clock().Before(c.until) {
			delete(u.held, n.id)
			u.unlisted[n.id] = now
			if u.home == n.id {
				l.settle(u, nowhere, now)
			}
		}
	}
}
