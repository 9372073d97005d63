//go:build e2e

package serf

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// stock runs the serf command of the distribution against the RPC of n.
func stock(t *testing.T, n *node, args ...string) string {
	t.Helper()
	out, err := tryStock(t, n, args...)
	if err != nil {
		t.Fatalf("serf %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func tryStock(t *testing.T, n *node, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	// Options go behind the subcommand and before its arguments.
	args = append([]string{args[0], "-rpc-addr=" + n.RPCAddr()}, args[1:]...)
	out, err := exec.CommandContext(ctx, "serf", args...).CombinedOutput()
	return string(out), err
}

// Whoever knows the stock serf command can operate a federation.
func TestStockCommand(t *testing.T) {
	old, next := newKey(), newKey()
	key := keyFile(t, old)
	a := startNode(t, "a", withKey(key), withRPC, func(c *Config) { c.Tags = map[string]string{"epoch": "7"} })
	b := startNode(t, "b", withKey(key), withRPC)

	if out := stock(t, a, "join", b.Addr().String()); !strings.Contains(out, "Successfully joined cluster by contacting 1 nodes") {
		t.Errorf("join: %s", out)
	}
	b.await(t, EventJoin, "a")

	var list struct {
		Members []struct {
			Name, Addr, Status string
			Tags               map[string]string
		}
	}
	out := stock(t, b, "members", "-format=json")
	if err := json.Unmarshal([]byte(out), &list); err != nil || len(list.Members) != 2 {
		t.Fatalf("members: %v\n%s", err, out)
	}
	for _, m := range list.Members {
		if m.Status != "alive" || m.Name == "a" && (m.Addr != a.Addr().String() || m.Tags["epoch"] != "7") {
			t.Errorf("member %+v", m)
		}
	}

	stock(t, a, "tags", "-set", "drain=yes")
	if e := b.await(t, EventUpdate, "a"); e.Member.Tags["drain"] != "yes" || e.Member.Tags["epoch"] != "7" {
		t.Errorf("tags %v", e.Member.Tags)
	}
	if out := stock(t, a, "info"); !strings.Contains(out, "encrypted = true") {
		t.Errorf("info: %s", out)
	}
	until(t, "serf rtt", func() bool {
		out, err := tryStock(t, a, "rtt", "a", "b")
		return err == nil && strings.Contains(out, "rtt:")
	})

	stock(t, a, "keys", "-install="+next)
	if out := stock(t, a, "keys", "-list"); strings.Count(out, "[2/2]") != 2 {
		t.Errorf("keys: %s", out)
	}
	stock(t, a, "keys", "-use="+next)
	stock(t, a, "keys", "-remove="+old)
	if out := stock(t, b, "keys", "-list"); strings.Contains(out, old) || !strings.Contains(out, next) {
		t.Errorf("keys: %s", out)
	}

	stock(t, b, "leave")
	a.await(t, EventLeave, "b", EventFailed)
	<-b.Left()
	if err := b.Err(); err != nil {
		t.Errorf("b ended with %v", err)
	}
}

// A stock Serf agent can be a member, and its failure is seen.
func TestStockAgent(t *testing.T) {
	key := newKey()
	a := startNode(t, "a", withKey(keyFile(t, key)), withRPC)
	var log bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "serf", "agent", "-node=stock", "-bind=127.0.0.4:0",
		"-rpc-addr=127.0.0.4:0", "-profile=local", "-encrypt="+key, "-join="+a.Addr().String())
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killed := false
	kill := func() {
		if !killed {
			killed = true
			cmd.Process.Kill()
			cmd.Wait()
		}
		if t.Failed() {
			t.Log(log.String())
		}
	}
	t.Cleanup(kill)
	a.await(t, EventJoin, "stock")
	if _, err := a.dial(t).Rotate(t.Context(), func(s string) { t.Log(s) }); err != nil {
		t.Errorf("rotate the keys of a stock agent: %v", err)
	}
	kill()
	a.await(t, EventFailed, "stock", EventLeave)
}

// A key of `serf keygen` is one for a key file.
func TestStockKeygen(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "serf", "keygen").Output()
	if err != nil {
		t.Fatal(err)
	}
	key := strings.TrimSpace(string(out))
	if _, err := base64.StdEncoding.DecodeString(key); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadKey(keyFile(t, key)); err != nil {
		t.Error(err)
	}
}
