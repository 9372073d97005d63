package node

import (
	"context"
	"time"
)

// distancesPeriod is how often Serf's coordinates are looked at.
const distancesPeriod = 5 * time.Second

// followDistances takes the distance of a node whose heartbeat was never
// answered from Serf's network coordinates; a round trip that was measured is
// what these estimate, and takes their place (docs/decisions/061).
func (p *peers) followDistances(ctx context.Context, estimate func(x, y string) (time.Duration, bool)) {
	tick := time.NewTicker(distancesPeriod)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, h := range p.view.Homes() {
			if m := p.member(h.Name); m != nil && m.peer.Stats().RTT != 0 {
				continue
			}
			if d, ok := estimate(p.settings.Node, h.Name); ok && h.Name != p.settings.Node {
				h.SetDistance(d)
			}
		}
	}
}
