package serf

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestTargets(t *testing.T) {
	at := netip.MustParseAddrPort
	seeds := []netip.AddrPort{at("10.0.0.1:7946"), at("10.0.0.2:7946"), at("10.0.0.3:7946"), at("10.0.0.4:7946"), at("10.0.0.4:7946")}
	members := []Member{
		{Name: "self", Addr: at("10.0.0.1:7946"), Status: StatusAlive},
		{Name: "b", Addr: at("10.0.0.2:7946"), Status: StatusAlive},
		{Name: "c", Addr: at("10.0.0.3:7946"), Status: StatusFailed},
	}
	missing := []peer{{"c", at("10.0.0.3:7946")}, {"d", at("[2001:db8::1]:1")}}
	got := (&joiner{}).targets(seeds, members, missing)
	want := []string{"c/10.0.0.3:7946", "d/[2001:db8::1]:1", "10.0.0.4:7946"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("targets %q, want %q", got, want)
	}
}

func TestDue(t *testing.T) {
	j := &joiner{retry: defaultRetry}
	for _, tc := range []struct {
		alone bool
		since time.Duration
		want  bool
	}{
		{true, 0, true},
		{true, 199 * time.Millisecond, false},
		{true, 200 * time.Millisecond, true},
		{true, 399 * time.Millisecond, false},
		{true, 400 * time.Millisecond, true},
		{true, 800 * time.Millisecond, true},
		{true, 1600 * time.Millisecond, true},
		{true, 3200 * time.Millisecond, true},
		{true, 4 * time.Second, false},
		{true, 5 * time.Second, true},
		{true, 4 * time.Second, false},
		{false, 29 * time.Second, false},
		{false, 30 * time.Second, true},
	} {
		if got := j.due(tc.alone, tc.since); got != tc.want {
			t.Errorf("alone %v after %v: %v", tc.alone, tc.since, got)
		}
	}
}

// Being alone, joining and being alone again is said once each.
func TestAloneLog(t *testing.T) {
	l, out := textLog(0)
	self := Member{Name: "self", Status: StatusAlive}
	j := &joiner{seeds: []string{"10.0.0.2"}, retry: defaultRetry, log: l, self: func() Member { return self }}
	for _, st := range []Status{StatusFailed, StatusFailed, StatusAlive, StatusLeaving, StatusFailed, StatusFailed, StatusAlive} {
		if got := j.alone([]Member{self, {Name: "b", Status: st}}); got == st.up() {
			t.Errorf("alone is %v while b is %s", got, st)
		}
	}
	want := []string{"joining in the background", "joined the federation", "no other member answers", "joined the federation"}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != len(want) {
		t.Fatalf("log:\n%s", out)
	}
	for i, w := range want {
		if !strings.Contains(lines[i], w) {
			t.Errorf("line %d is %s, want %q", i, lines[i], w)
		}
	}
}
