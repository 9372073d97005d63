package federation

import (
	"net"
	"net/netip"
	"testing"
	"time"
)

// gossipPort returns a UDP and TCP port of loopback that was free a moment ago.
func gossipPort(t *testing.T) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return netip.MustParseAddrPort(l.Addr().String())
}

// A node that should find others, and never has, does not settle however long it
// waits; the first node of a federation does.
func TestNodeThatReachesNobodyDoesNotSettle(t *testing.T) {
	own, dead := gossipPort(t), gossipPort(t)
	for name, c := range map[string]struct {
		join  []string
		known bool // it has reached others before it was restarted
		want  bool
	}{
		"first node":                            {nil, false, true},
		"first node that lists itself":          {[]string{own.String()}, false, true},
		"seed that does not answer":             {[]string{dead.String()}, false, false},
		"itself, and one that does not answer":  {[]string{own.String(), dead.String()}, false, false},
		"restarted while all others are absent": {[]string{dead.String()}, true, true},
	} {
		r := newTestRuntime(t, "pbx-a")
		r.cfg.Gossip, r.cfg.Join, r.met = own, c.join, c.known
		r.listed.Store(true)
		if err := r.startSerf(); err != nil {
			t.Fatal(err)
		}
		tried := func() bool { return r.agent.Joined() || len(r.agent.JoinErrors()) > 0 }
		for deadline := time.Now().Add(20 * time.Second); !tried(); <-time.After(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: seeds not tried: %v", name, r.agent.JoinErrors())
			}
		}
		if got := r.complete(time.Hour); got != c.want {
			t.Errorf("%s: settled after an hour: %v, want %v", name, got, c.want)
		}
		if !c.want {
			if res := r.view.Lookup("1001.users."+testZone, 35); res.Rcode != 2 {
				t.Errorf("%s: an unknown user is answered with rcode %d, want SERVFAIL", name, res.Rcode)
			}
		}
		r.Stop()
	}
}
