package main

import (
	"testing"
	"time"
)

// A time of day is the last time that a clock showed it.
func TestMomentOf(t *testing.T) {
	zone := time.FixedZone("", 2*3600)
	now := time.Date(2026, 11, 26, 14, 3, 30, 0, zone)
	for s, want := range map[string]string{
		"14:03":                "2026-11-26T14:03:00+02:00",
		"14:03:30":             "2026-11-26T14:03:30+02:00",
		"14:03:31":             "2026-11-25T14:03:31+02:00",
		"14:04":                "2026-11-25T14:04:00+02:00",
		"00:00":                "2026-11-26T00:00:00+02:00",
		"10m":                  "2026-11-26T13:53:30+02:00",
		"2026-11-20 09:00":     "2026-11-20T09:00:00+02:00",
		"2026-11-20T09:00:00Z": "2026-11-20T09:00:00Z",
	} {
		if got, err := momentOf(s, now); err != nil || got.Format(time.RFC3339) != want {
			t.Errorf("%q is %v, %v; want %s", s, got, err, want)
		}
	}
	for _, s := range []string{"", "noon", "25:00", "14:03 yesterday"} {
		if got, err := momentOf(s, now); err == nil {
			t.Errorf("%q is %v", s, got)
		}
	}
}
