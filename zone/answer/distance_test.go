package answer

import (
	"testing"
	"time"
)

// TestRoutesAreNearest: of two nodes that reach a prefix at the same cost the
// nearer comes first, whoever published it last; equals take turns.
func TestRoutesAreNearest(t *testing.T) {
	v := newTestView(t, Newest)
	publish(t, v, "pbx-b", "prefix 49 cost=10", "prefix 44 cost=10")
	publish(t, v, "pbx-c", "prefix 49 cost=10", "prefix 44 cost=5")
	v.Home("pbx-b").SetDistance(30 * time.Millisecond)
	v.Home("pbx-c").SetDistance(2 * time.Millisecond)
	for name, want := range map[string]string{"1.9.4.e164": `\\1@pbx-c \\1@pbx-b`, "1.4.4.e164": `\\1@pbx-c \\1@pbx-b`} {
		if got := sip(v, name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	v.Home("pbx-b").SetDistance(time.Millisecond)
	first := map[string]int{}
	for range 10 {
		first[sip(v, "1.9.4.e164")]++
	}
	if len(first) != 2 {
		t.Errorf("equals do not take turns: %v", first)
	}
	if got := sip(v, "1.4.4.e164"); got != `\\1@pbx-c \\1@pbx-b` {
		t.Errorf("the cost comes first: %s", got)
	}
}
