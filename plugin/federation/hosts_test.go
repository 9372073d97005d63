package federation

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// Without a bind DNS listens on loopback of the families that the node has, and on
// each address once.
func TestListenHosts(t *testing.T) {
	for _, c := range []struct {
		own       string
		loopback6 bool
		want      string
	}{
		{"192.0.2.1", true, "127.0.0.1 192.0.2.1"},
		{"127.0.0.1", true, "127.0.0.1"},
		{"2001:db8::1", true, "127.0.0.1 2001:db8::1 ::1"},
		{"2001:db8::1 192.0.2.1 2001:db8::2", true, "127.0.0.1 2001:db8::1 ::1 192.0.2.1 2001:db8::2"},
		{"2001:db8::1", false, "127.0.0.1 2001:db8::1"},
		{"::1", true, "127.0.0.1 ::1"},
		{"", true, "127.0.0.1"},
	} {
		var own []netip.Addr
		for s := range strings.FieldsSeq(c.own) {
			own = append(own, netip.MustParseAddr(s))
		}
		if got := hosts(own, c.loopback6); !slices.Equal(got, strings.Fields(c.want)) {
			t.Errorf("%s, ::1 %v: %q, want %q", c.own, c.loopback6, got, c.want)
		}
	}
}
