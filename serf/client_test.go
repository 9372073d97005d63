package serf

import (
	"strings"
	"testing"
)

func TestClient(t *testing.T) {
	t.Parallel()
	a := startNode(t, "a", withRPC)
	b := startNode(t, "b", withRPC)
	c := startNode(t, "c")
	cl := a.dial(t)

	if n, err := cl.Join([]string{b.Addr().String(), c.Addr().String()}); n != 2 || err != nil {
		t.Fatalf("joined %d, %v", n, err)
	}
	a.await(t, EventJoin, "b")
	a.await(t, EventJoin, "c")
	members, err := cl.Members()
	if err != nil || len(members) != 3 {
		t.Fatalf("members %v, %v", members, err)
	}
	for _, m := range members {
		if m.Name == "b" && (m.Addr != b.Addr() || m.Status != StatusAlive) {
			t.Errorf("b is %+v", m)
		}
	}
	stats, err := cl.Stats()
	if err != nil || stats["agent"]["name"] != "a" {
		t.Errorf("statistics %v, %v", stats, err)
	}
	until(t, "distance", func() bool {
		_, ok, err := cl.Distance("a", "b")
		return ok && err == nil
	})
	if _, err := cl.Keys(); err == nil {
		t.Error("keys without encryption")
	}
	if _, err := cl.InstallKey("short"); err == nil || !strings.Contains(err.Error(), "base64") {
		t.Errorf("install of nonsense: %v", err)
	}

	// A failed member that is not expected back.
	c.Shutdown()
	a.await(t, EventFailed, "c")
	if err := cl.ForceLeave("c"); err != nil {
		t.Fatal(err)
	}
	a.await(t, EventLeave, "c")

	// A leave through RPC tells the process, and the others see no failure.
	if err := b.dial(t).Leave(); err != nil {
		t.Fatal(err)
	}
	a.await(t, EventLeave, "b", EventFailed)
	<-b.Left()
	if err := b.Err(); err != nil {
		t.Errorf("b ended with %v", err)
	}
}

func TestRPCAuth(t *testing.T) {
	a := startNode(t, "a", withRPC, func(c *Config) { c.RPCAuthKey = "secret" })
	if _, err := Dial(a.RPCAddr(), "wrong"); err == nil {
		t.Error("wrong key accepted")
	}
	c, err := Dial(a.RPCAddr(), "secret")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Members(); err != nil {
		t.Error(err)
	}
	if _, err := a.dial(t).Members(); err == nil {
		t.Error("no key accepted")
	}
}

func TestDialNobody(t *testing.T) {
	a := startNode(t, "a", withRPC)
	addr := a.RPCAddr()
	a.Shutdown()
	if _, err := Dial(addr, ""); err == nil || !strings.Contains(err.Error(), addr) {
		t.Errorf("error %v", err)
	}
}
