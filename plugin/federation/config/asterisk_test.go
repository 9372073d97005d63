package config

import (
	"net/netip"
	"testing"
)

func TestAMIElsewhere(t *testing.T) {
	for addr, elsewhere := range map[string]bool{"": false, "127.0.0.1:5038": false, "[::1]:5038": false, "localhost:5038": false, "10.0.0.1:5038": false,
		"10.0.0.2:5038": true, "pbx.example:5038": true} {
		c := &Config{Asterisk: Asterisk{Addr: addr}, Listen: []netip.Addr{netip.MustParseAddr("10.0.0.1")}}
		if c.AMIElsewhere() != elsewhere {
			t.Errorf("%s: got %v", addr, !elsewhere)
		}
	}
}
