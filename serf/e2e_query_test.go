//go:build e2e

package serf

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The stock serf command asks everyone as asterfed does.
func TestStockQuery(t *testing.T) {
	answers := func(text string) func(*Config) {
		return func(c *Config) {
			c.OnQuery = func(name string, _ time.Time) []byte {
				if name != "federation:status" {
					return nil
				}
				return []byte(text)
			}
		}
	}
	a := startNode(t, "a", withRPC, answers("calls=1"))
	startNode(t, "b", answers("calls=2"), joining(a))
	a.await(t, EventJoin, "b")
	out := stock(t, a, "query", "-timeout=1s", "federation:status")
	for _, want := range []string{"Response from 'a': calls=1", "Response from 'b': calls=2", "Total Responses: 2"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// The stock serf command takes the key of the RPC from its environment.
func TestStockKey(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rpc.key")
	a := startNode(t, "a", withRPC, func(c *Config) { c.RPCKeyFile = file })
	if out, err := tryStock(t, a, "members"); err == nil {
		t.Errorf("without the key:\n%s", out)
	}
	key, err := ReadRPCKey(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("SERF_RPC_AUTH", key)
	if out := stock(t, a, "members"); !strings.Contains(out, "alive") {
		t.Errorf("with the key:\n%s", out)
	}
}
