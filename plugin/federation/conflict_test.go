package federation

import (
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"github.com/asterfed/asterfed/plugin/federation/config"
)

// Two federations of one process share neither directory nor port, and one that is
// at work is not disturbed by a reload either.
func TestFederationsAreDistinct(t *testing.T) {
	block := func(origin, data, gossip, rpc string) *config.Config {
		return &config.Config{Origin: origin, Node: "pbx-a", Data: data, Gossip: netip.MustParseAddrPort(gossip), RPC: rpc}
	}
	first := block("a.example.", "/data/a", "10.0.0.1:7946", "127.0.0.1:7373")
	for _, c := range []struct {
		second *config.Config
		want   string
	}{
		{block("b.example.", "/data/b", "10.0.0.1:7947", "127.0.0.1:7374"), ""},
		{block("b.example.", "/data/b", "10.0.0.2:7946", "127.0.0.2:7373"), ""},
		{block("b.example.", "/data/b", "10.0.0.1:7947", ""), ""},
		{block("b.example.", "/data/x/../a/", "10.0.0.1:7947", ""), "federations b.example. and a.example. have the same data"},
		{block("b.example.", "/data/b", "10.0.0.1:7946", ""), "the same gossip 10.0.0.1:7946"},
		{block("b.example.", "/data/b", "0.0.0.0:7946", ""), "the same gossip"},
		{block("b.example.", "/data/b", "10.0.0.1:7947", "127.0.0.1:7373"), "the same rpc 127.0.0.1:7373"},
		{block("b.example.", "/data/b", "127.0.0.1:7373", ""), "gossip 127.0.0.1:7373 of federation b.example. is rpc of a.example."},
	} {
		g, from := &Registry{Logger: slog.New(slog.DiscardHandler)}, new(load)
		if _, err := g.claim(first, from); err != nil {
			t.Fatal(err)
		}
		_, err := g.claim(c.second, from)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v: got %v, want %q", c.second, err, c.want)
		}
		g.started["a.example."] = true
		if _, err := g.claim(c.second, new(load)); (err == nil) != (c.want == "") {
			t.Errorf("%+v at a reload: %v", c.second, err)
		}
		delete(g.started, "a.example.")
		if _, err := g.claim(c.second, new(load)); err != nil {
			t.Errorf("%+v once the first is gone from the Corefile: %v", c.second, err)
		}
	}
}

func TestEncryptedServerBlocks(t *testing.T) {
	for key, ok := range map[string]bool{"fed.example": true, "dns://fed.example:53": true, ".": true, "tls://fed.example": false, "https://fed.example": false,
		"grpc://fed.example": false, "quic://fed.example": false, "https3://fed.example": false, "TLS://fed.example": false, "dot://fed.example": false} {
		err := checkTransports([][]string{{"."}, {"other.example", key}})
		if ok != (err == nil) || err != nil && !strings.Contains(err.Error(), "is not served encrypted by this build") {
			t.Errorf("%s: %v", key, err)
		}
	}
}
