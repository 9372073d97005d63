package serf

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A federation of three: they find each other, tags spread, one leaves and one
// dies.
func TestFederation(t *testing.T) {
	t.Parallel()
	a := startNode(t, "a")
	b := startNode(t, "b", joining(a), func(c *Config) { c.Tags = map[string]string{"epoch": "1"} })
	c := startNode(t, "c", joining(b), withRPC)

	e := a.await(t, EventJoin, "b")
	if e.Member.Addr != b.Addr() || e.Member.Status != StatusAlive || e.Member.Tags["epoch"] != "1" {
		t.Errorf("b joined as %+v", e.Member)
	}
	a.await(t, EventJoin, "c")
	b.await(t, EventJoin, "c")
	c.await(t, EventJoin, "a")
	c.await(t, EventJoin, "b")
	if n := len(a.Members()); n != 3 {
		t.Errorf("a knows %d members, want 3", n)
	}

	tags := map[string]string{"epoch": "2", "drain": "yes"}
	if err := b.SetTags(tags); err != nil {
		t.Fatal(err)
	}
	if e := a.await(t, EventUpdate, "b"); !maps.Equal(e.Member.Tags, tags) {
		t.Errorf("b's tags are %v, want %v", e.Member.Tags, tags)
	}
	until(t, "distance b to c known to a", func() bool {
		d, ok := a.Distance("b", "c")
		return ok && d > 0
	})
	if _, ok := a.Distance("b", "nobody"); ok {
		t.Error("distance to an unknown member")
	}

	if err := c.dial(t).Leave(); err != nil {
		t.Fatal(err)
	}
	a.await(t, EventLeave, "c") // under load the failure may be seen first
	<-c.Left()
	if err := c.SetTags(nil); err == nil {
		t.Error("tags set after leaving")
	}

	if err := b.Shutdown(); err != nil {
		t.Fatal(err)
	}
	a.await(t, EventFailed, "b", EventLeave)
	if s := a.status("b"); s != StatusFailed {
		t.Errorf("b is %s, want failed", s)
	}
	if s := a.status("c"); s != StatusLeft {
		t.Errorf("c is %s, want left", s)
	}
}

// A failed member comes back under its name at another address, without any
// memory and without seeds: the survivor's peer list finds it only at the old
// address, so this one brings a seed.
func TestReturnAtAnotherAddress(t *testing.T) {
	t.Parallel()
	a := startNode(t, "a")
	b := startNode(t, "b", joining(a))
	a.await(t, EventJoin, "b")
	b.Shutdown()
	a.await(t, EventFailed, "b")
	b2 := startNode(t, "b", joining(a), withBind("127.0.0.2:0"))
	if e := a.await(t, EventJoin, "b"); e.Member.Addr != b2.Addr() {
		t.Errorf("b returned at %s, want %s", e.Member.Addr, b2.Addr())
	}
}

// Start does not wait for seeds, and a seed that comes up later is joined.
func TestLateSeed(t *testing.T) {
	t.Parallel()
	first := startNode(t, "a")
	addr := first.Addr().String()
	first.Shutdown()

	b := startNode(t, "b", func(c *Config) { c.Join = []string{addr} })
	startNode(t, "a", withBind(addr))
	b.await(t, EventJoin, "a")
}

func TestPortInUse(t *testing.T) {
	a := startNode(t, "a", withRPC)
	for _, tc := range []struct {
		name, want string
		edit       func(*Config)
	}{
		{"gossip", "listen for Serf gossip on " + a.Addr().String(), withBind(a.Addr().String())},
		{"rpc", "listen for Serf RPC on " + a.RPCAddr(), func(c *Config) { c.RPC = a.RPCAddr() }},
	} {
		c := testConfig("b")
		tc.edit(&c)
		_, err := Start(t.Context(), c)
		if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "another Serf agent?") {
			t.Errorf("%s: error %v, want %q", tc.name, err, tc.want)
		}
	}
}

// A start that fails half-way leaves nothing behind, even while others send.
func TestFailedStart(t *testing.T) {
	a := startNode(t, "a")
	b := startNode(t, "b", joining(a))
	a.await(t, EventJoin, "b")
	addr := b.Addr().String()
	b.Shutdown()

	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "serf.snapshot"), 0o700); err != nil {
		t.Fatal(err)
	}
	c := testConfig("b")
	c.Bind, c.DataDir, c.RPC = addr, dir, "127.0.0.1:0"
	if _, err := Start(t.Context(), c); err == nil || !strings.Contains(err.Error(), "snapshot") {
		t.Errorf("error %v", err)
	}
	startNode(t, "b", withBind(addr), joining(a)) // the port is free
}
