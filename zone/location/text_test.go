package location

import (
	"strings"
	"testing"
	"time"
)

// What Publish lets out, every receiver takes: each string fits into a record,
// and Set reads it back.
func TestPublishedIsTaken(t *testing.T) {
	end := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).Unix()
	for _, c := range []struct {
		kind Kind
		name string
		d    Details
		ok   bool
	}{
		{Entry, "alice", Details{Name: "Alice"}, true},
		{Entry, "alice", Details{Name: strings.Repeat("é", 100)}, true},
		{Entry, "alice", Details{Name: strings.Repeat("a", 201)}, false},
		{Entry, "alice", Details{Name: strings.Repeat("a", 300)}, false},
		{Entry, "alice", Details{Name: "Al\x1b[31mice"}, false},
		{Entry, "alice", Details{Name: "Al\nice"}, false},
		{Entry, "alice", Details{Name: "Al\u0085ice"}, false},       // C1
		{Entry, "alice", Details{Name: "Al\u202eice"}, false},       // bidirectional override
		{Entry, "alice", Details{Name: "Al\u2066ice"}, false},       // bidirectional isolate
		{Entry, "alice", Details{Name: "Al\u2028ice"}, false},       // line separator
		{Entry, "alice", Details{Name: "Al\xffice"}, false},         // not UTF-8
		{Entry, "alice", Details{Name: "\u05d0\u05d1\u05d2"}, true}, // written from right to left by itself
		{Number, "1001", Details{Of: "alice", By: "directory"}, true},
		{Number, "1001", Details{Of: "a b"}, false},
		{Number, "1001", Details{Of: AOR(strings.Repeat("a", 121))}, false},
		{Number, "1001", Details{Target: "a&b"}, false},
		{Number, "1001", Details{Via: "berlin"}, true},
		{Number, "1001", Details{Via: "berlin.telco"}, false},
		{Number, "1001", Details{By: "Not a word"}, false},
		{Number, "1001", Details{Key: "Upper."}, false},
		{Number, "1001", Details{Key: "customer-1"}, true},
		{Range, "1000", Details{To: "1999"}, true},
		{Range, "1000", Details{To: "19x9"}, false},
		{Number, "1001", Details{Expires: end}, true},
		{Number, "1001", Details{Expires: end + 1}, false},
		{Number, "1001", Details{Expires: -62135596801}, false},
	} {
		b, err := Publish(c.kind, c.name, c.d)
		if err == nil != c.ok {
			t.Errorf("Publish(%s, %s, %+v): %v, want ok %v", c.kind, c.name, c.d, err, c.ok)
		}
		if err != nil {
			continue
		}
		var back Details
		b.Info.Details().Each(func(key, val string) {
			if n := len(key) + 1 + len(val); n > MaxString {
				t.Errorf("%s= has %d octets", key, n)
			}
			if known, err := back.Set(key, val); err != nil || !known {
				t.Errorf("a receiver refuses %s=%s: %v", key, val, err)
			}
		})
		if back != c.d {
			t.Errorf("%+v came back as %+v", c.d, back)
		}
	}
}

func TestCheckWord(t *testing.T) {
	for s, ok := range map[string]bool{"16.28.0~dfsg-0+deb11u4": true, "certified/18.9-cert1": true, "": true,
		"New York": false, "a\"b": false, `a\b`: false, "café": false, "a\x7f": false, strings.Repeat("9", 300): false} {
		if err := CheckWord("asterisk", s); err == nil != ok {
			t.Errorf("%q: %v, want ok %v", s, err, ok)
		}
	}
}
