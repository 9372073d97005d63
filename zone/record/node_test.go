package record

import (
	"testing"

	"github.com/miekg/dns"
)

const origin = "fed.example."

// A receiver takes what it can of a node's record, and says what it leaves out.
func TestParseNodeLeavesOutWhatItRefuses(t *testing.T) {
	apex := "pbx-b.homes." + origin
	rr := &dns.TXT{Hdr: dns.RR_Header{Name: apex}, Txt: []string{"v=1", "a=192.0.2.2", "region=a\x1bb", `asterisk=a\027b`, "state=up"}}
	_, n, err := ParseTXT(rr, apex)
	if err == nil || n == nil || n.Region != "" || n.Asterisk != "" || len(n.Addrs) != 1 {
		t.Errorf("%v, %v: want the node without region and version, and an error that says so", n, err)
	}
	n.State = "a=b"
	n.LeaveOut(func(key string, err error) {
		if key != "state" || err == nil {
			t.Errorf("%s left out: %v", key, err)
		}
	})
	if n.State != Up {
		t.Errorf("state is %q", n.State)
	}
	rr.Txt[1] = "a=nowhere"
	if _, n, err := ParseTXT(rr, apex); err == nil || n != nil {
		t.Errorf("%v, %v: want an error and no node", n, err)
	}
}
