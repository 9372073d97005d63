package ami

import (
	"fmt"
	"time"
)

// How a connection finds out that Asterisk hangs.
const (
	pingIdle    = 5 * time.Second // silence after which Asterisk is asked for a sign of life
	pingTimeout = 3 * time.Second // and how long it may take to give one
)

// keepAlive pings a silent Asterisk and gives up one that stays silent.
func (c *Conn) keepAlive() (time.Duration, error) {
	now := time.Now()
	heard := c.Heard()
	if c.pinged.IsZero() || !heard.Before(c.pinged) {
		c.pinged = time.Time{}
		idle := now.Sub(heard)
		if idle < pingIdle {
			return pingIdle - idle, nil
		}
		c.pinged = now
		return pingTimeout, c.Send(ActPing, ignored)
	}
	limit := pingTimeout
	for _, p := range c.pending {
		if h, ok := p.Handler.(Patient); ok {
			limit = max(limit, h.Patience())
		}
	}
	silent := now.Sub(c.pinged)
	if silent >= limit {
		return 0, fmt.Errorf("%w for %v", errSilent, now.Sub(heard).Round(time.Second))
	}
	return limit - silent, nil
}
