package serf

import (
	"context"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// patience bounds every wait of a test.
const patience = 15 * time.Second

// node is an agent under test and what it told.
type node struct {
	*Agent
	events chan Event
	later  []Event // taken from events, not yet awaited
}

// startNode runs an agent on loopback until the test ends. edit may change its
// configuration.
func startNode(t *testing.T, name string, edit ...func(*Config)) *node {
	t.Helper()
	n := &node{events: make(chan Event, 1024)}
	c := testConfig(name)
	c.OnEvent = func(e Event) { n.events <- e }
	for _, f := range edit {
		f(&c)
	}
	a, err := Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	n.Agent = a
	t.Cleanup(func() { a.Shutdown() })
	return n
}

// Addr is the gossip address that the others see.
func (n *node) Addr() netip.AddrPort { return n.self().Addr }

// RPCAddr is where Serf's RPC listens.
func (n *node) RPCAddr() string { return n.rpc.Addr().String() }

func testConfig(name string) Config {
	return Config{
		Node:    name,
		Bind:    "127.0.0.1:0",
		Profile: "local",
		Logger:  slog.New(slog.DiscardHandler),
		retry:   retry{alone: 100 * time.Millisecond, silence: time.Second, newcomer: time.Minute, taken: 10 * time.Second, missing: 200 * time.Millisecond, tick: 50 * time.Millisecond},
	}
}

func joining(others ...*node) func(*Config) {
	return func(c *Config) {
		for _, o := range others {
			c.Join = append(c.Join, o.Addr().String())
		}
	}
}

func withKey(file string) func(*Config) { return func(c *Config) { c.KeyFile = file } }
func withDir(dir string) func(*Config)  { return func(c *Config) { c.DataDir = dir } }
func withBind(addr string) func(*Config) {
	return func(c *Config) { c.Bind = addr }
}
func withRPC(c *Config) { c.RPC = "127.0.0.1:0" }

// keyFile writes a gossip key to a file of its own.
func keyFile(t *testing.T, key string) string {
	t.Helper()
	f := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(f, []byte("# gossip key\n"+key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return f
}

// await returns the next event of the kind about the member and fails if one
// of the kinds in never comes first. Events about others are kept.
func (n *node) await(t *testing.T, kind Kind, name string, never ...Kind) Event {
	t.Helper()
	limit := time.After(patience)
	later := n.later
	n.later = nil
	for {
		var e Event
		if len(later) > 0 {
			e, later = later[0], later[1:]
		} else {
			select {
			case e = <-n.events:
			case <-limit:
				t.Fatalf("no %s about %s", kind, name)
			}
		}
		switch {
		case e.Member.Name != name:
			n.later = append(n.later, e)
		case e.Kind == kind:
			n.later = append(n.later, later...)
			return e
		case slices.Contains(never, e.Kind):
			t.Fatalf("%s about %s instead of %s", e.Kind, name, kind)
		}
	}
}

// until polls a condition that no event announces.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("never came true: %s", what)
		}
	}
}

func (n *node) status(name string) Status {
	for _, m := range n.Members() {
		if m.Name == name {
			return m.Status
		}
	}
	return 0
}

func (n *node) dial(t *testing.T) *Client {
	t.Helper()
	c, err := Dial(n.RPCAddr(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}
