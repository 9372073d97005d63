package serf

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
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
	if self, err := cl.Self(); err != nil || self != "a" {
		t.Errorf("the agent is %q, %v", self, err)
	}
	if _, err := cl.Keys(); err == nil {
		t.Error("keys without encryption")
	}
	if _, err := cl.InstallKey("short"); err == nil || !strings.Contains(err.Error(), "base64") {
		t.Errorf("install of nonsense: %v", err)
	}

	// A failed member that is not expected back.
	c.Shutdown()
	a.await(t, EventFailed, "c")
	for name, want := range map[string]string{"b": "it is alive", "nobody": "no member"} {
		if err := cl.ForceLeave(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("declare that %s has left: %v", name, err)
		}
	}
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

// The RPC answers only to whoever can read the key file, which the agent creates
// for its own user.
func TestRPCKey(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "rpc.key")
	a := startNode(t, "a", withRPC, withKey(keyFile(t, newKey())), func(c *Config) { c.RPCKeyFile = file })
	fi, err := os.Stat(file)
	if err != nil || fi.Mode().Perm() != 0o600 {
		t.Fatalf("key file %v, %v", fi, err)
	}
	key, err := ReadRPCKey(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(a.RPCAddr(), "wrong"); !errors.Is(err, ErrRPCKey) {
		t.Errorf("wrong key: %v", err)
	}
	if k, err := a.dial(t).Keys(); err == nil || len(k.On) > 0 {
		t.Error("gossip keys without the RPC key")
	}
	c, err := Dial(a.RPCAddr(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if k, err := c.Keys(); err != nil || len(k.On) != 1 {
		t.Error(k, err)
	}

	addr := a.RPCAddr()
	a.Shutdown()
	startNode(t, "a", func(c *Config) { c.RPC, c.RPCKeyFile = addr, file })
	if again, err := ReadRPCKey(file); err != nil || again != key {
		t.Error("another key after a restart", err)
	}

	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	conf := testConfig("b")
	conf.RPC, conf.RPCKeyFile = "127.0.0.1:0", file
	if err := Check(conf); err == nil || !strings.Contains(err.Error(), "chmod o=") {
		t.Errorf("a key file that all may read: %v", err)
	}
	mustWrite(t, file, []byte("short\n"))
	if _, err := ReadRPCKey(file); err == nil || !strings.Contains(err.Error(), "one line") {
		t.Errorf("a short key: %v", err)
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

// A local user without the key of the RPC can neither take memory nor file
// descriptors through it.
func TestRPCStrangers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rpc.key")
	a := startNode(t, "a", withRPC, func(c *Config) { c.RPCKeyFile = file })
	c, err := net.Dial("tcp", a.RPCAddr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	// A request whose command is a string of 512 MB (msgpack str 32).
	c.Write(append([]byte("\x82\xa7Command\xdb"), 0x20, 0, 0, 0))
	chunk, sent := make([]byte, 64<<10), 0
	for sent < 64<<20 {
		n, err := c.Write(chunk)
		if sent += n; err != nil {
			break
		}
	}
	if sent >= 64<<20 {
		t.Errorf("%d MB of one request were taken", sent>>20)
	}

	var open []net.Conn
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	closed := 0
	for range maxClients + 10 {
		c, err := net.Dial("tcp", a.RPCAddr())
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
	}
	limit := time.Now().Add(patience)
	for _, c := range open[maxClients:] {
		c.SetDeadline(limit)
		if _, err := c.Read(chunk); errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
			closed++
		}
	}
	if closed < 9 { // one has the place of the connection above
		t.Errorf("%d of 10 connections beyond %d were closed", closed, maxClients)
	}
	for _, c := range open {
		c.Close()
	}
	until(t, "the operator is served", func() bool {
		key, err := ReadRPCKey(file)
		if err != nil {
			t.Fatal(err)
		}
		cl, err := Dial(a.RPCAddr(), key)
		if err != nil {
			return false
		}
		defer cl.Close()
		_, err = cl.Members()
		return err == nil
	})
}
