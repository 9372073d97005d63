package peer

import "time"

// Timing says how soon a silence is noticed. It concerns the asking side alone, so
// that nodes with different timings work together.
type Timing struct {
	Heartbeat time.Duration // between SOA queries
	Silence   time.Duration // until an open connection without a message is lost
	Dial      time.Duration // how long a connection, or the answer to a probe, may take
}

// The timings of Serf's profiles. LAN, for round trips under 50 ms: a host that
// is cut off is lost after 1.25 s, and a second connection to it has failed
// 0.72 s later. WAN leaves room for round trips of 300 ms and for segments that
// TCP sends a second and third time.
var (
	LAN = Timing{Heartbeat: 500 * time.Millisecond, Silence: 1250 * time.Millisecond, Dial: 700 * time.Millisecond}
	WAN = Timing{Heartbeat: time.Second, Silence: 3 * time.Second, Dial: 2 * time.Second}
)

// perPeer is what each peer beyond 50 adds to the time between heartbeats, so that
// all heartbeats of a node together cost the same however many nodes there are
// (docs/decisions/142). A host that is cut off is then found by
// Serf, whose probing costs the same too, and by Probe.
const perPeer = 10 * time.Millisecond

// Among returns the timing of a node with so many peers.
func (t Timing) Among(peers int) Timing {
	if slow := time.Duration(peers) * perPeer; slow > t.Heartbeat {
		t.Silence = time.Duration(float64(t.Silence) * float64(slow) / float64(t.Heartbeat))
		t.Heartbeat = slow
	}
	return t
}
