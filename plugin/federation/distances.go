package federation

import "time"

// distancesPeriod is how often Serf's coordinates are looked at.
const distancesPeriod = 5 * time.Second

// followDistances takes the distance of a node whose heartbeat was never
// answered from Serf's network coordinates; a round trip that was measured is
// what these estimate, and takes their place (docs/decisions/061).
func (r *Runtime) followDistances() {
	tick := time.NewTicker(distancesPeriod)
	defer tick.Stop()
	for {
		select {
		case <-r.ctx.Done():
			return
		case <-tick.C:
		}
		for _, h := range r.view.Homes() {
			if m := r.member(h.Name); m != nil && m.peer.Stats().RTT != 0 {
				continue
			}
			if d, ok := r.agent.Distance(r.cfg.Node, h.Name); ok && h.Name != r.cfg.Node {
				h.SetDistance(d)
			}
		}
	}
}
